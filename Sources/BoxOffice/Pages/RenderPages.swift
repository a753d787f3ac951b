package import Jobs
package import Postgres

/// Makes the pages of an on-sale that have changed.
package struct RenderPages: Job {
    package static let name = "render_pages"
    package static let queue = "pages"
    package static let retry = RetryPolicy.exponential(
        max: 20,
        base: .milliseconds(200),
        maxDelay: .seconds(10)
    )

    /// Of which on-sale.
    package struct Input: Sendable, Codable {
        package let onSale: Int64
    }

    private let renderer: PageRenderer
    private let store: JobStore

    /// - Parameters:
    ///   - postgres: the primary.
    ///   - caches: are to forget what has changed.
    package init(postgres: PostgresClient, caches: PageCaches) {
        renderer = PageRenderer(postgres: postgres, caches: caches.names)
        store = JobStore(postgres: postgres)
    }

    package func perform(_ context: JobContext, _ input: Input) async throws {
        let outcome = try await renderer.render(OnSaleID(rawValue: input.onSale))
        if let outcome, !outcome.keys.isEmpty { store.wake([PurgePages.queue]) }
    }

    /// The job, one of an on-sale at a time until it starts: what happens meanwhile is in it.
    package static func job(for id: OnSaleID, at instant: PostgresTimestamp? = nil) throws -> NewJob {
        try NewJob(
            Self.self,
            Input(onSale: id.rawValue),
            runAt: instant,
            key: "pages of \(id.publicID)",
            unique: Uniqueness(by: .key, while: .queued)
        )
    }
}
