package import Postgres

/// How an on-sale is going this moment, as its promoter sees it: all from one statement, so that the numbers fit each other.
package struct SaleNumbers: Sendable {
    /// What is left of a price level, and what is not.
    package struct Tier: Sendable, Equatable {
        package let id: String
        package let name: String
        package let price: Int64
        package let capacity: Int64
        package let free: Int64
        package let withheld: Int64
        package let held: Int64
        package let paying: Int64
        package let sold: Int64
    }

    package let asOf: PostgresTimestamp
    package let state: OnSaleState
    package let pausedAt: PostgresTimestamp?
    package let currency: String
    package let ratePerMinute: Int
    package let activeLimit: Int
    /// Why the last tick called as many as it did.
    package let note: String?
    package let message: String?
    /// Places that were taken.
    package let joined: Int64
    /// The number up to which places have been called.
    package let serving: Int64
    /// Live admission sessions.
    package let active: Int64
    /// Sessions there have been, with the live ones.
    package let entered: Int64
    /// Sessions that are over, and those of them that bought.
    package let ended: Int64
    package let bought: Int64
    /// Places that were called, those of the last minute, those whose turn is still open, and those that missed it.
    package let called: Int64
    package let calledLately: Int64
    package let open: Int64
    package let missed: Int64
    /// What the tickets that are sold and not refunded cost together.
    package let revenue: Int64
    package let tiers: [Tier]

    /// Those who are still to be called.
    package var waiting: Int64 { max(0, joined - serving) }

    /// What is counted of an on-sale `o` with its arrivals `a`.
    ///
    /// Uses the indexes of `admissions`, `turns` and `tiers` that begin with the on-sale, and reads its rows of them once.
    static let counted: SQL = """
        CROSS JOIN LATERAL (
            SELECT count(*) AS entered, count(*) FILTER (WHERE ended_at IS NULL) AS active,
                count(*) FILTER (WHERE end_reason = 'bought') AS bought
            FROM admissions WHERE on_sale_id = o.on_sale_id) s
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(called), 0)::bigint AS called, coalesce(sum(missed), 0)::bigint AS missed,
                coalesce(sum(called) FILTER (WHERE called_at > usher_now() - interval '1 minute'), 0)::bigint AS lately,
                coalesce(sum(called) FILTER (WHERE settled_at IS NULL), 0)::bigint AS open
            FROM turns WHERE on_sale_id = o.on_sale_id) c
        CROSS JOIN LATERAL (
            SELECT array_agg(id ORDER BY ordinal) AS ids, array_agg(name ORDER BY ordinal) AS names,
                array_agg(price ORDER BY ordinal) AS prices,
                array_agg(capacity::bigint ORDER BY ordinal) AS capacity,
                array_agg(free::bigint ORDER BY ordinal) AS free,
                array_agg(withheld::bigint ORDER BY ordinal) AS withheld,
                array_agg(held::bigint ORDER BY ordinal) AS held,
                array_agg(paying::bigint ORDER BY ordinal) AS paying,
                array_agg(sold::bigint ORDER BY ordinal) AS sold,
                sum(held + paying)::bigint AS spoken, sum(sold * price)::bigint AS revenue
            FROM tiers WHERE on_sale_id = o.on_sale_id) k
        """

    /// Reads them.
    ///
    /// - Throws: `OnSaleProblem.unknown`.
    package static func read(_ id: OnSaleID, from postgres: PostgresClient) async throws -> SaleNumbers {
        let row = try await postgres.first(
            Query(
                "sale.numbers",
                """
                SELECT usher_now(), o.state, o.paused_at, o.currency, o.rate_per_minute, o.active_limit,
                    o.admission_note, o.message, a.issued, o.serving, s.active, s.entered, s.bought, c.called,
                    c.lately, c.open, c.missed, k.revenue, k.ids, k.names, k.prices, k.capacity, k.free, k.withheld,
                    k.held, k.paying, k.sold
                FROM on_sales o JOIN arrivals a ON a.on_sale_id = o.on_sale_id \(fragment: counted)
                WHERE o.on_sale_id = \(id.rawValue)
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        return try SaleNumbers(row)
    }

    private init(_ row: Row) throws {
        asOf = try row[0]
        state = try row[1]
        pausedAt = try row[2]
        currency = try row[3]
        ratePerMinute = try row[4]
        activeLimit = try row[5]
        note = try row[6]
        message = try row[7]
        joined = try row[8]
        serving = try row[9]
        active = try row[10]
        entered = try row[11]
        bought = try row[12]
        ended = entered - active
        called = try row[13]
        calledLately = try row[14]
        open = try row[15]
        missed = try row[16]
        revenue = try row[17] ?? 0
        let (ids, names): ([String], [String]) = (try row[18], try row[19])
        let columns: [[Int64]] = try (20...26).map { try row[$0] }
        tiers = ids.indices.map { index in
            Tier(
                id: ids[index],
                name: names[index],
                price: columns[0][index],
                capacity: columns[1][index],
                free: columns[2][index],
                withheld: columns[3][index],
                held: columns[4][index],
                paying: columns[5][index],
                sold: columns[6][index]
            )
        }
    }
}
