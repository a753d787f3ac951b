package import Postgres

/// Makes the pages of an on-sale from what the database says now, and writes those that are other than before.
package struct PageRenderer: Sendable {
    /// What came of it.
    package struct Outcome: Sendable, Equatable {
        /// The pages whose bytes are new.
        package var written: [PageName]
        /// What caches are to forget.
        package var keys: [String]
    }

    private let postgres: PostgresClient
    private let caches: [String]

    /// - Parameters:
    ///   - postgres: the primary.
    ///   - caches: the names of those that are to forget what has changed.
    package init(postgres: PostgresClient, caches: [String] = []) {
        self.postgres = postgres
        self.caches = caches
    }

    /// Makes all pages in one transaction.
    ///
    /// Whoever makes those of the same on-sale waits for it, and reads what is true after it.
    ///
    /// - Returns: nil when there is no such on-sale.
    @discardableResult
    package func render(_ id: OnSaleID) async throws -> Outcome? {
        try await postgres.withTransaction { transaction in
            guard let row = try await transaction.first(Self.begin(id)) else { return nil }
            let (version, now): (Int64, PostgresTimestamp) = (try row[0], try row[1])
            guard let facts = try await OnSaleStatus.find(id, in: transaction) else { return nil }
            let plan = try await transaction.first(Self.event(id))
            let at: String? = try plan?[1]
            let subject = PageSubject(
                facts,
                (genre: try plan?[0], at: at.flatMap(PostgresTimestamp.init(rfc3339:))),
                try await Stock.seats(of: id, from: transaction)
            )
            var known: [String: (etag: String, renderer: Int)] = [:]
            for row in try await transaction.query(RenderedPage.known(id)) {
                known[try row[0]] = (try row[1], try row[2])
            }
            var outcome = Outcome(written: [], keys: [])
            var statements: [Query] = []
            for name in PageName.all {
                let page = try RenderedPage(name, of: subject)
                let before = known[name.column]
                if let before {
                    // A newer program made it: it knows better, for as long as both run.
                    guard before.renderer <= page.renderer else { continue }
                    guard before.etag != page.etag || before.renderer < page.renderer else { continue }
                }
                statements.append(page.write(name, of: id, version: version, at: now))
                outcome.written.append(name)
                // What was never there was never kept.
                let key = name.key(of: id)
                if let before, before.etag != page.etag, !outcome.keys.contains(key) {
                    outcome.keys.append(key)
                }
            }
            if !outcome.keys.isEmpty, !caches.isEmpty {
                statements.append(PagePurges.ask(for: outcome.keys, of: caches))
            }
            try await transaction.pipeline(statements)
            if !outcome.keys.isEmpty { try await PagePurges.offer(caches, in: &transaction) }
            return outcome
        }
    }

    /// What its plan says of the evening itself.
    ///
    /// Uses the primary key.
    static func event(_ id: OnSaleID) -> Query {
        Query(
            "pages.event",
            "SELECT plan->>'genre', plan->>'event_at' FROM on_sales WHERE on_sale_id = \(id.rawValue)"
        )
    }

    /// Locks the pages of an on-sale, if there is one.
    ///
    /// Uses the primary keys of `on_sales`, `page_renderings`, `fact_consumers` and `fact_cursors`. The position of the
    /// consumer is read before anything else, so that all that it was told is in what is read after.
    static func begin(_ id: OnSaleID) -> Query {
        Query(
            "pages.begin",
            """
            INSERT INTO page_renderings AS r (on_sale_id, renderings, version, rendered_at)
            SELECT o.on_sale_id, 1, coalesce((
                SELECT c.position FROM fact_consumers n JOIN fact_cursors c ON c.consumer = n.name
                WHERE n.name = \(PageUpdates.consumer) AND c.part = fact_part(\(id.rawValue), n.parts)), 0), usher_now()
            FROM on_sales o WHERE o.on_sale_id = \(id.rawValue)
            ON CONFLICT (on_sale_id) DO UPDATE SET renderings = r.renderings + 1,
                version = greatest(r.version, excluded.version),
                rendered_at = greatest(r.rendered_at, excluded.rendered_at)
            RETURNING version, rendered_at
            """
        )
    }
}
