package import Postgres

/// What an on-sale looked like at one time; taken every half minute, so that its curves are there for whoever looks later.
package struct SaleSample: Sendable, Equatable {
    package let at: PostgresTimestamp
    package let joined: Int64
    package let serving: Int64
    package let active: Int64
    package let entered: Int64
    package let missed: Int64
    package let held: Int64
    /// By tier, in the tiers' order.
    package let sold: [Int64]
    package let revenue: Int64

    /// How many points a curve has at most, about.
    static let points = 400

    /// Takes one of each on-sale that goes on.
    package static func take(in postgres: PostgresClient) async throws -> Bool {
        try await postgres.execute(
            Query(
                "sale_sample.take",
                """
                INSERT INTO sale_samples
                    (on_sale_id, at, joined, serving, active, entered, missed, held, sold, revenue)
                SELECT o.on_sale_id, usher_now(), a.issued, o.serving, s.active, s.entered, c.missed, k.spoken, k.sold,
                    k.revenue
                FROM on_sales o JOIN arrivals a ON a.on_sale_id = o.on_sale_id \(fragment: SaleNumbers.counted)
                WHERE o.state IN ('prequeue', 'admitting', 'sold_out')
                ON CONFLICT DO NOTHING
                """
            )
        )
        return false
    }

    /// Deletes those that are ninety days old.
    package static func forget(in postgres: PostgresClient, batch: Int = 10_000) async throws -> Bool {
        try await postgres.execute(
            Query(
                "sale_sample.forget",
                """
                DELETE FROM sale_samples WHERE ctid = ANY (ARRAY (
                    SELECT ctid FROM sale_samples
                    WHERE at < (SELECT usher_now()) - interval '90 days' ORDER BY at LIMIT \(batch)))
                """
            )
        ) == batch
    }

    /// Those of an on-sale, the oldest first; of many, evenly so many that they make a curve, and the latest.
    ///
    /// Reads all of the on-sale's, which the primary key has together.
    package static func series(
        of id: OnSaleID,
        from postgres: PostgresClient
    ) async throws -> [SaleSample] {
        try await postgres.query(
            Query(
                "sale_sample.series",
                """
                SELECT at, joined, serving, active, entered, missed, held, sold, revenue
                FROM (SELECT *, row_number() OVER (ORDER BY at DESC) AS n, count(*) OVER () AS total
                    FROM sale_samples WHERE on_sale_id = \(id.rawValue)) AS samples
                WHERE (n - 1) % (total / \(points) + 1) = 0 ORDER BY at
                """
            )
        ).map {
            SaleSample(
                at: try $0[0],
                joined: try $0[1],
                serving: try $0[2],
                active: try $0[3],
                entered: try $0[4],
                missed: try $0[5],
                held: try $0[6],
                sold: try $0[7],
                revenue: try $0[8]
            )
        }
    }
}
