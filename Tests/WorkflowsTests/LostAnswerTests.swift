import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

/// What becomes of claims that were committed and never heard of, because the network died in between.
@Suite(.timeLimit(.minutes(5)))
struct LostAnswerTests {
    /// Notes that it ran.
    private struct Note: Job {
        static let name = "note"
        let ran: @Sendable (JobID) -> Void

        func perform(_ context: JobContext, _ input: Int) async throws { ran(context.id) }
    }

    /// A client of the database whose every byte goes through the proxy.
    private func client(of database: TestDatabase, through proxy: TestProxy) throws -> PostgresClient {
        var configuration = try PostgresConfiguration(url: database.url(port: proxy.port))
        configuration.schema = database.schema
        configuration.applicationName = database.schema
        return PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 4))
    }

    private func count(_ sql: SQL, in database: TestDatabase) async throws -> Int64 {
        try await database.client.query(Query("test_count", sql))[0][0]
    }

    @Test func `Jobs of a claim whose answer was lost run all the same, and each of them once`() async throws
    {
        try await withDatabase { database in
            let proxy = try TestProxy(to: database.port)
            let proxied = try client(of: database, through: proxy)
            let ran = Lock<[JobID]>([])
            var registry = WorkflowRegistry()
            registry.register(Note { id in ran.withLock { $0.append(id) } })
            let logger = Logger(label: "test", level: .error)
            let worker = JobWorker(
                postgres: proxied,
                registry: registry,
                configuration: WorkerConfiguration(queues: ["default"], pollInterval: .milliseconds(20)),
                logger: logger
            )
            // Nobody dies of a busy machine here: the test says who is dead.
            let scheduler = JobScheduler(
                postgres: database.client,
                name: "test",
                configuration: SchedulerConfiguration(workerLease: .seconds(3600)),
                logger: logger
            )
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                group.addTask { await scheduler.run() }
                defer {
                    worker.stop()
                    scheduler.stop()
                }
                let first = try await store.enqueue([NewJob(name: Note.name, input: JSONB(text: "0"))])[0]
                #expect(try await database.ended(first).state == .done)
                let old: Int64 = try await count("SELECT id FROM workers", in: database)

                // The claim stands on the server, behind this lock, when the way back dies.
                let jobs = try await database.client.withTransaction { tx in
                    try await tx.execute(Query("test_lock", "LOCK TABLE claims IN SHARE MODE"))
                    let jobs = try await store.enqueue(
                        (0..<20).map { _ in NewJob(name: Note.name, input: JSONB(text: "0")) }
                    )
                    _ = try await database.eventually("the worker's claim waits") {
                        try await count(
                            """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE application_name = \(database.schema) AND wait_event_type = 'Lock'
                                AND query LIKE 'WITH picked%'
                            """,
                            in: database
                        ) > 0 ? true : nil
                    }
                    proxy.mute()
                    return jobs
                }
                _ = try await database.eventually("every job is claimed") {
                    try await count(
                        "SELECT coalesce(sum(cardinality(job_ids)), 0)::bigint FROM claims WHERE worker_id = \(old)",
                        in: database
                    ) == jobs.count ? true : nil
                }
                #expect(ran.withLock { $0 } == [first])
                proxy.cut()

                for job in jobs { #expect(try await database.ended(job).state == .done) }
                let counted = try await count("SELECT count(*) FROM jobs WHERE failures > 0", in: database)
                #expect(counted == 0, "nobody failed and nobody died")
                #expect(try await count("SELECT id FROM workers", in: database) == old)
                #expect(ran.withLock { $0 }.sorted() == ([first] + jobs).sorted())
                worker.stop()
                scheduler.stop()
                try await group.waitForAll()
            }
            #expect(try await database.count("claims") == 0)
            #expect(try await database.count("workers") == 0)
            await proxied.shutdown()
        }
    }
}
