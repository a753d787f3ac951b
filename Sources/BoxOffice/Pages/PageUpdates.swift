package import EventLog
internal import Jobs
package import Postgres

/// Has pages made when something happened that they show.
///
/// However much happens, those of an on-sale are made about once a second.
package struct PageUpdates: FactConsumer {
    static let consumer = "pages"
    /// From one rendering of an on-sale to the next.
    static let interval = Duration.seconds(1)

    package let name = Self.consumer
    /// All that happens to an on-sale itself, and what changes how many tickets are free.
    package let kinds: Set<String>? = [
        OnSaleFacts.Scheduled.kind, OnSaleFacts.Changed.kind, OnSaleFacts.Opened.kind,
        OnSaleFacts.Started.kind,
        OnSaleFacts.Paused.kind, OnSaleFacts.Resumed.kind, OnSaleFacts.MessageChanged.kind,
        OnSaleFacts.SoldOut.kind, OnSaleFacts.Closed.kind, OnSaleFacts.Cancelled.kind,
        ReservationFact.Kind.held.rawValue, ReservationFact.Kind.expired.rawValue,
        ReservationFact.Kind.released.rawValue, ReservationFact.Kind.refunded.rawValue,
    ]

    package init() {}

    package func apply(_ facts: [Fact], in transaction: inout Transaction) async throws {
        let onSales = Set(facts.map(\.onSale)).sorted()
        let rows = try await transaction.query(Self.latest(onSales))
        let jobs = try rows.map { row in
            let (id, now): (Int64, PostgresTimestamp) = (try row[0], try row[1])
            let latest: PostgresTimestamp? = try row[2]
            let next = latest.map { max(now, $0 + Self.interval) } ?? now
            return try RenderPages.job(for: OnSaleID(rawValue: id), at: next > now ? next : nil)
        }
        // One that waits already reads what these facts say: they were committed before we were told of them.
        _ = try await JobStore.insert(jobs, in: &transaction)
    }

    /// When the pages of on-sales were made last.
    ///
    /// Uses the primary key.
    static func latest(_ onSales: [Int64]) -> Query {
        Query(
            "pages.latest",
            """
            SELECT k.on_sale_id, n.now, r.rendered_at
            FROM (SELECT usher_now()) AS n (now), unnest(\(onSales)) AS k (on_sale_id)
                LEFT JOIN page_renderings AS r ON r.on_sale_id = k.on_sale_id
            ORDER BY k.on_sale_id
            """
        )
    }
}
