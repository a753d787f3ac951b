package import Postgres

/// What the tables say of all that a ``SaleHistory`` names.
package struct SaleTables: Sendable {
    package struct Place: Sendable, Equatable {
        package var arrival: Int64
        /// By the draw, or by arrival after it; nil before it was made.
        package var number: Int64?
        package var hasLeft = false
        /// Sessions it ever had.
        package var sessions = 0
    }

    package struct Held: Sendable, Equatable {
        package var tickets: Int
        package var state: ReservationState
    }

    package var places: [PlaceID: Place] = [:]
    package var reservations: [ReservationID: Held] = [:]
    /// The number up to which places have been called.
    package var serving: Int64 = 0
    /// Tickets there are in all.
    package var capacity = 0

    /// Reads what is needed to check a history; it is best read when all is over.
    package static func read(
        _ onSale: OnSaleID,
        for history: SaleHistory,
        from postgres: PostgresClient
    ) async throws -> SaleTables {
        var tables = SaleTables()
        let row = try await postgres.first(
            Query(
                "history.on_sale",
                """
                SELECT serving, entries, draw_key,
                    (SELECT coalesce(sum(capacity), 0) FROM tiers WHERE on_sale_id = \(onSale.rawValue))
                FROM on_sales WHERE on_sale_id = \(onSale.rawValue)
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        tables.serving = try row[0]
        tables.capacity = try row[3]
        let orders = DrawOrders()
        for place in try await postgres.query(places(history.places, onSale)) {
            guard let id = PlaceID(bytes: try place[0] as [UInt8]) else { continue }
            let arrival: Int64 = try place[1]
            tables.places[id] = Place(
                arrival: arrival,
                number: try await Places.number(
                    of: arrival,
                    onSale,
                    entries: try row[1],
                    key: try row[2],
                    orders: orders,
                    in: postgres
                ),
                hasLeft: try place[2],
                sessions: try place[3]
            )
        }
        for held in try await postgres.query(reservations(history.reservations, onSale)) {
            let name: String = try held[2]
            guard let state = ReservationState(rawValue: name) else { continue }
            tables.reservations[ReservationID(rawValue: try held[0])] = Held(
                tickets: try held[1],
                state: state
            )
        }
        return tables
    }

    private static func places(_ ids: [PlaceID], _ onSale: OnSaleID) -> Query {
        Query(
            "history.places",
            """
            SELECT p.id, p.arrival, p.left_at IS NOT NULL, (SELECT count(*) FROM admissions AS a
                WHERE a.on_sale_id = \(onSale.rawValue) AND a.arrival = p.arrival)
            FROM places AS p JOIN unnest(\(ids.map(\.bytes))) AS told (id) ON told.id = p.id
            WHERE p.on_sale_id = \(onSale.rawValue)
            """
        )
    }

    private static func reservations(_ ids: [ReservationID], _ onSale: OnSaleID) -> Query {
        Query(
            "history.reservations",
            """
            SELECT id, quantity, state FROM all_reservations
            WHERE on_sale_id = \(onSale.rawValue) AND id = ANY (\(ids.map(\.rawValue)))
            """
        )
    }
}
