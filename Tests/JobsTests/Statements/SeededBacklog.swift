import Jobs
import Postgres
import TestSupport

/// A backlog of a million jobs beside two hundred thousand that have ended, and a store of which all plans are kept.
struct SeededBacklog {
    /// Its statements are kept.
    let store: JobStore
    /// What they did.
    var plans: ServedPlans
    /// Its statements are not kept.
    let quiet: PostgresClient

    var client: PostgresClient { store.postgres }

    /// The tables that grow with the jobs; `claims` has a row per batch that somebody holds, and the others have few rows.
    static let growing: Set<String> = [
        "jobs", "ready", "timers", "transition_timers", "job_keys", "closures", "dead_letters", "job_batches",
        "batch_tallies",
        "blocked", "admitted", "limit_keys", "key_signals", "checkpoints", "events", "fan_ins",
        "orphaned_runs", "job_progress",
        "job_logs", "run_values", "run_attributes",
    ]

    static func with(_ body: (inout SeededBacklog) async throws -> Void) async throws {
        try await withDatabaseOfItsOwn { database in
            let quiet = JobStore(postgres: database.client)
            try await quiet.ensureQueue("default")
            try await quiet.ensureQueue("mail", lanes: 2)
            try await database.client.withTransaction { tx in try await tx.simple(BacklogSeed.sql) }
            try await database.client.execute(Query("seed.vacuum", "VACUUM ANALYZE"))
            let plans = ServedPlans()
            let sign = database.url.contains("?") ? "&" : "?"
            var configuration = try PostgresConfiguration(
                url: database.url + sign + "options=" + ServedPlans.options
            )
            configuration.schema = database.schema
            configuration.applicationName = database.schema
            configuration.plans = plans.log
            // One connection, so that plans come in the order of their statements.
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
            var backlog = SeededBacklog(
                store: JobStore(postgres: client),
                plans: plans,
                quiet: database.client
            )
            do {
                try await body(&backlog)
                await client.shutdown()
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    /// On a server of its own: where hundreds of tests make tables, every session forgets now and then all that it knows of
    /// any, and reads thousands of pages of catalogs in whatever statement comes next.
    private static func withDatabaseOfItsOwn(_ body: (TestDatabase) async throws -> Void) async throws {
        try await TestCluster.with(settings: ["shared_buffers = '128MB'"]) { cluster in
            try await cluster.makeTemplate("seed", schema: "plans")
            try await cluster.withCopy(
                "backlog",
                of: "seed",
                schema: "plans",
                pool: .init(maximum: 4),
                body
            )
        }
    }

    /// Claims as a worker does.
    func claim(_ leaf: LaneLeaf, limit: Int = 20, floor: LaneFloor? = nil) async throws -> [ClaimedJob] {
        try await client.query(
            JobStatements.claim(leaf, limit: limit, worker: BacklogSeed.worker, floor: floor)
        ).map { try ClaimedJob(claim: $0, from: leaf.queue) }
    }

    /// The jobs of a claim that the seed has made.
    func held(_ batch: Int64) async throws -> [Int64] {
        try await quiet.query(Query("t", "SELECT job_ids FROM claims WHERE batch = \(batch)"))[0][0]
    }
}
