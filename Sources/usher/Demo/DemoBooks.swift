internal import BoxOffice
internal import Postgres

/// What the tables say when all is over, held against what the clients were told.
struct DemoBooks: Sendable {
    var capacity = 0
    var sold = 0
    /// Tickets sold, held or paid for beyond the capacity of their tier.
    var oversold = 0
    var missed = 0
    var expired = 0
    var released = 0
    /// What a client has in writing and the tables don't bear out; see `SaleHistoryCheck`.
    var lost: [String] = []
    /// What is not in a terminal state half a minute after its deadline.
    var stuck: [String] = []

    /// Reads the books of one on-sale.
    static func read(
        _ onSale: OnSaleID,
        ledger: BuyerLedger,
        from postgres: PostgresClient
    ) async throws -> Self {
        let id = onSale.rawValue
        var books = Self()
        let sums = try await postgres.query(
            Query(
                "demo.tiers",
                """
                SELECT coalesce(sum(capacity), 0)::bigint, coalesce(sum(sold), 0)::bigint,
                    coalesce(sum(greatest(0, taken - capacity)), 0)::bigint
                FROM tiers CROSS JOIN LATERAL (
                    SELECT coalesce(sum(quantity), 0) AS taken FROM reservations
                    WHERE reservations.on_sale_id = tiers.on_sale_id AND tier = tiers.id
                        AND state IN ('held', 'paying', 'sold')) AS holders
                WHERE on_sale_id = \(id)
                """
            )
        )
        let (capacity, sold, oversold): (Int64, Int64, Int64) = (
            try sums[0][0], try sums[0][1], try sums[0][2]
        )
        (books.capacity, books.sold, books.oversold) = (Int(capacity), Int(sold), Int(oversold))
        let ends = try await postgres.query(
            Query(
                "demo.ends",
                """
                SELECT (SELECT coalesce(sum(missed), 0)::bigint FROM turns WHERE on_sale_id = \(id)),
                    count(*) FILTER (WHERE state = 'expired'), count(*) FILTER (WHERE state = 'released')
                FROM reservations WHERE on_sale_id = \(id)
                """
            )
        )
        let (missed, expired, released): (Int64, Int64, Int64) = (
            try ends[0][0], try ends[0][1], try ends[0][2]
        )
        (books.missed, books.expired, books.released) = (Int(missed), Int(expired), Int(released))
        books.lost = try await SaleHistoryCheck.findings(ledger.history, of: onSale, in: postgres)
            .flatMap(\.lines)
        books.stuck = try await stuck(id, postgres)
        return books
    }

    private static func stuck(_ onSale: Int64, _ postgres: PostgresClient) async throws -> [String] {
        let rows = try await postgres.query(
            Query(
                "demo.stuck",
                """
                SELECT format('reservation %s is %s, which ended at %s', id, state, expires_at)
                FROM reservations
                WHERE on_sale_id = \(onSale) AND state IN ('held', 'paying')
                    AND expires_at < usher_now() - interval '30 seconds'
                UNION ALL
                SELECT format('the turn of %s to %s is open, which ended at %s', first_number, last_number, expires_at)
                FROM turns
                WHERE on_sale_id = \(onSale) AND settled_at IS NULL
                    AND expires_at < usher_now() - interval '30 seconds'
                """
            )
        )
        return try rows.map { try $0[0] }
    }

    /// How many reservations of an on-sale are not in a terminal state yet.
    static func underWay(_ onSale: OnSaleID, in postgres: PostgresClient) async throws -> Int {
        let rows = try await postgres.query(
            Query(
                "demo.under_way",
                """
                SELECT count(*) FROM reservations
                WHERE on_sale_id = \(onSale.rawValue) AND state IN ('held', 'paying')
                """
            )
        )
        let count: Int64 = try rows[0][0]
        return Int(count)
    }
}
