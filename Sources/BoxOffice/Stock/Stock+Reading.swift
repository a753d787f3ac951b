package import Postgres

/// A price level and where its tickets are.
package struct TierStock: Sendable, Equatable {
    package var id: String
    package var name: String
    /// In minor units of ``currency``.
    package var price: Int64
    package var currency: String
    package var numbered: Bool
    package var capacity: Int
    package var free: Int
    package var withheld: Int
    package var held: Int
    package var paying: Int
    package var sold: Int
}

/// The seats of one section, as a buyer's page draws them.
package struct SectionSeats: Sendable, Equatable {
    /// A row: seat `i` has number `numbers[i]` and state `states[i]`.
    package struct Row: Sendable, Equatable {
        package var label: String
        package var numbers: [Int]
        /// One character per seat: `f` free, `w` withheld, `h` held, `p` paying, `s` sold.
        package var states: String
        /// The numbers of the accessible ones.
        package var accessible: [Int] = []
    }

    package var id: String
    package var name: String
    package var tier: String
    package var rows: [Row]
}

extension Stock {
    /// The tiers of an on-sale in the plan's order.
    package static func tiers(of onSale: OnSaleID, from postgres: PostgresClient) async throws -> [TierStock]
    {
        let rows = try await postgres.query(
            Query(
                "stock.tiers",
                """
                SELECT id, name, price, currency, numbered, capacity, free, withheld, held, paying, sold
                FROM tiers WHERE on_sale_id = \(onSale.rawValue) ORDER BY ordinal
                """
            )
        )
        return try rows.map { row in
            TierStock(
                id: try row[0],
                name: try row[1],
                price: try row[2],
                currency: try row[3],
                numbered: try row[4],
                capacity: try row[5],
                free: try row[6],
                withheld: try row[7],
                held: try row[8],
                paying: try row[9],
                sold: try row[10]
            )
        }
    }

    /// The numbered seats of an on-sale by section and row.
    ///
    /// Reads all of its seats: keep the answer for a second.
    package static func seats(
        of onSale: OnSaleID,
        from database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [SectionSeats] {
        let rows = try await database.query(
            Query(
                "stock.seats",
                """
                SELECT c.ordinal, c.id, c.name, c.tier, s.row_label, array_agg(s.position ORDER BY s.position),
                    string_agg(left(s.state, 1), '' ORDER BY s.position),
                    coalesce(array_agg(s.position ORDER BY s.position) FILTER (WHERE s.accessible), '{}')
                FROM seats AS s
                JOIN sections AS c ON c.on_sale_id = s.on_sale_id AND c.ordinal = s.section
                WHERE s.on_sale_id = \(onSale.rawValue)
                GROUP BY c.ordinal, c.id, c.name, c.tier, s.row_number, s.row_label
                ORDER BY c.ordinal, s.row_number
                """
            )
        )
        var sections: [SectionSeats] = []
        var ordinal: Int?
        for row in rows {
            if try row[0] != ordinal {
                ordinal = try row[0]
                sections.append(SectionSeats(id: try row[1], name: try row[2], tier: try row[3], rows: []))
            }
            let line = SectionSeats.Row(
                label: try row[4],
                numbers: try row[5],
                states: try row[6],
                accessible: try row[7]
            )
            sections[sections.count - 1].rows.append(line)
        }
        return sections
    }
}
