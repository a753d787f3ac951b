package import Jobs
package import Postgres
package import Telemetry

/// Has one cache forget what has changed.
///
/// What is to be forgotten stands in a table, so nothing depends on a job: each takes all that is due in a few calls, and
/// leaves one behind for what is yet to come. There is one at a time for each cache, so one that is down keeps no other
/// waiting.
package struct PurgePages: Job {
    package static let name = "purge_pages"
    package static let queue = "pages"
    package static let timeout: Duration? = .seconds(60)

    /// Which cache.
    package struct Input: Sendable, Codable {
        package let cache: String
    }

    /// What is asked for within it goes together.
    private static let window = Duration.milliseconds(50)
    /// How many calls a job makes at the most, before others have their turn.
    private static let calls = 20

    private let postgres: PostgresClient
    private let caches: PageCaches
    private let logger: Logger

    /// - Parameters:
    ///   - postgres: the primary.
    ///   - caches: those that can be told.
    ///   - logger: is told of those that can't.
    package init(postgres: PostgresClient, caches: PageCaches, logger: Logger) {
        self.postgres = postgres
        self.caches = caches
        self.logger = logger
    }

    /// The job, one of a cache at a time until it starts; one that waits for later comes forward.
    package static func job(for cache: String, at instant: PostgresTimestamp?) throws -> NewJob {
        var job = try NewJob(
            Self.self,
            Input(cache: cache),
            runAt: instant,
            key: "purges of \(cache)",
            unique: Uniqueness(by: .key, while: .queued, onConflict: instant == nil ? .replace : .keep)
        )
        job.limitKey = cache
        return job
    }

    /// Makes the queue, and has the jobs of a cache follow one another, unless operators have limited it otherwise.
    package static func prepare(_ postgres: PostgresClient) async throws {
        let store = JobStore(postgres: postgres)
        try await store.ensureQueue(queue)
        guard try await store.limits(queue: queue) == QueueLimits() else { return }
        try await store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: queue)
    }

    package func perform(_ context: JobContext, _ input: Input) async throws {
        guard let cache = caches[input.cache] else {
            throw JobVerdict.discard("this worker was not told of a cache \"\(input.cache)\"")
        }
        try await Task.sleep(for: Self.window)
        if let row = try await postgres.first(PagePurges.retry(cache.name)),
            let later: PostgresTimestamp = try row[0]
        {
            return try await look(at: cache.name, at: later)
        }
        for _ in 0..<Self.calls {
            let due = try await postgres.query(PagePurges.due(cache.name, limit: cache.limit)).map {
                PagePurges.Due(key: try $0[0], requests: try $0[1])
            }
            guard !due.isEmpty else { break }
            do {
                try await cache.purge(due.map { PurgeKey($0.key) })
            } catch let error as CancellationError {
                throw error
            } catch {
                return try await fail(cache, error)
            }
            try await postgres.pipeline(PagePurges.settle(due, of: cache.name))
        }
        if let row = try await postgres.first(PagePurges.next(cache.name)) {
            try await look(at: cache.name, at: try row[0])
        }
    }

    private func fail(_ cache: any PageCache, _ error: any Error) async throws {
        // What URLSession throws tells more of itself than anybody needs.
        let reason = (error as? CacheRefused)?.description ?? "it can't be reached"
        guard let row = try await postgres.first(PagePurges.fail(cache.name, reason)) else { return }
        let failures: Int = try row[0]
        logger.warning(
            "a cache did not purge",
            ["cache": cache.name, "problem": reason, "failures": "\(failures)"]
        )
        try await look(at: cache.name, at: try row[1])
    }

    private func look(at cache: String, at instant: PostgresTimestamp) async throws {
        let job = try Self.job(for: cache, at: instant)
        try await postgres.withTransaction { transaction in
            _ = try await JobStore.insert([job], in: &transaction)
        }
    }
}
