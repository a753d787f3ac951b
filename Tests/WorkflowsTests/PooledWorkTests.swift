import Foundation
import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

/// Jobs and workflows, all of them behind a real PgBouncer that gives each transaction another session.
@Suite(.timeLimit(.minutes(5)))
struct PooledWorkTests {
    /// Notes each go in a table, in the job's own transaction.
    private struct Note: TransactionalJob {
        static let name = "note"
        static let retry = RetryPolicy.fixed(.milliseconds(5), max: 5)

        func perform(_ context: JobContext, _ input: Int, in tx: inout Transaction) async throws {
            try await tx.execute(
                Query("note", "INSERT INTO notes (job_id, input) VALUES (\(context.id.rawValue), \(input))")
            )
        }
    }

    /// Fails until it was tried twice.
    private struct Stumble: Job {
        static let name = "stumble"
        static let retry = RetryPolicy.fixed(.milliseconds(5), max: 5)
        struct NotYet: Error {}

        func perform(_ context: JobContext, _ input: Int) async throws {
            if context.attempt < 3 { throw NotYet() }
        }
    }

    /// Runs until it is cancelled.
    private struct Endless: Job {
        static let name = "endless"
        let began: @Sendable () -> Void

        func perform(_ context: JobContext, _ input: Int) async throws {
            began()
            try await Task.sleep(for: .seconds(3600))
        }
    }

    private func withPooler(
        direct: Bool = false,
        _ body: (_ database: TestDatabase, _ pooled: TestDatabase, TestPooler) async throws -> Void
    ) async throws {
        try await withEmptyDatabase { database in
            try await TestPooler.with(database) { pooler in
                let pooled = try database.through(pooler, direct: direct, pool: .init(maximum: 8))
                try await Migrator(pooled.client, schema: pooled.schema).migrate()
                try await pooled.create("CREATE TABLE notes (job_id bigint, input bigint)")
                try await body(database, pooled, pooler)
                await pooled.client.shutdown()
            }
        }
    }

    private func note(_ input: Int, limitKey: String? = nil) -> NewJob {
        NewJob(name: Note.name, input: JSONB(text: "\(input)"), limitKey: limitKey)
    }

    /// What was noted, in order.
    private func notes(_ database: TestDatabase) async throws -> [Int64] {
        try await database.client.query(Query("notes", "SELECT input FROM notes ORDER BY input"))
            .map { try $0[0] }
    }

    private func allEnded(_ database: TestDatabase) async throws {
        _ = try await database.eventually("every job ends") {
            let left: Int64 = try await database.client.query(
                Query(
                    "left",
                    """
                    SELECT (SELECT count(*) FROM ready) + (SELECT count(*) FROM claims) + (SELECT count(*) FROM timers)
                        + (SELECT count(*) FROM blocked)
                    """
                )
            )[0][0]
            return left == 0 ? true : nil
        }
    }

    @Test func `Bulk, unique, limited, retried, scheduled and cancelled jobs all end by polling alone`()
        async throws
    {
        try await withPooler { database, pooled, _ in
            let store = JobStore(postgres: pooled.client)
            let (began, signal) = AsyncStream.makeStream(of: Void.self)
            var registry = WorkflowRegistry()
            registry.register(Note())
            registry.register(Stumble())
            registry.register(Endless { signal.yield() })
            try await store.ensureQueue("default")
            try await store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 2)), queue: "default")
            try await withWorker(pooled, registry) { _ in
                #expect(try await store.enqueueAll((0..<1000).map { note($0) }) == 1000)
                _ = try await store.enqueue((1000..<1040).map { note($0, limitKey: "key \($0 % 3)") })
                var only = NewJob(name: Note.name, input: JSONB(text: "2000"), key: "only")
                only.unique = Uniqueness(by: .key, while: .kept)
                let first = try await store.enqueue([only])
                #expect(try await store.enqueue([only, only]) == first + first)
                let stumbling = try await store.enqueue([NewJob(Stumble.self, 0)])[0]
                let later = NewJob(name: Note.name, input: JSONB(text: "3000"), runAt: .now + .seconds(600))
                let never = NewJob(name: Note.name, input: JSONB(text: "4000"), runAt: .now + .seconds(600))
                let scheduled = try await store.enqueue([later, never])
                #expect(try await store.cancel(scheduled[1]))
                let endless = try await store.enqueue([NewJob(Endless.self, 0)])[0]
                for await _ in began { break }
                #expect(try await store.cancel([endless]).asked == [endless])
                #expect(try await pooled.ended(endless).state == .cancelled)
                #expect(try await pooled.ended(stumbling).state == .done)
                try await pooled.shiftClock(601)
                #expect(try await pooled.ended(scheduled[0]).state == .done)
                try await allEnded(pooled)
            }
            #expect(try await notes(database) == (0..<1040).map { $0 } + [2000, 3000])
            let listeners = try await database.client.query(
                Query(
                    "listeners",
                    """
                    SELECT 1 FROM pg_stat_activity
                    WHERE application_name = \(database.schema) AND query LIKE 'LISTEN%'
                    """
                )
            )
            #expect(listeners.isEmpty)
            for check in EngineAudit.checks {
                #expect(try await check.offenders(in: database.client) == [], "\(check.name)")
            }
        }
    }

    @Test func `With a direct URL workers are woken, and never have to look for themselves`() async throws {
        try await withPooler(direct: true) { _, pooled, _ in
            var registry = WorkflowRegistry()
            registry.register(Note())
            let store = JobStore(postgres: pooled.client)
            try await store.ensureQueue("default")
            let worker = JobWorker(
                postgres: pooled.client,
                registry: registry,
                configuration: WorkerConfiguration(
                    queues: ["default"],
                    pollInterval: .seconds(3600),
                    heartbeatInterval: .seconds(3600)
                ),
                logger: Logger(label: "test", level: .error)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                defer { worker.stop() }
                // One after the other: each has to wake a worker that has nothing to do.
                for number in 0..<5 {
                    let job = try await store.enqueue([note(number)])[0]
                    #expect(try await pooled.ended(job).state == .done)
                }
                worker.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test func `Steps, events, timers, effects and eager starts of workflows work behind it`() async throws {
        try await withPooler { _, pooled, _ in
            let poked = EventKey<String>("poked")
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<String> { context, input in
                    try await context.step("note") { tx in
                        try await tx.execute(
                            Query("note", "INSERT INTO notes VALUES (\(context.runID.rawValue), \(input))")
                        )
                    }
                    let called = try await context.effect("call") { _ in "called" }
                    let answer = try await context.first(on(poked) { $0 }, after(.seconds(600)) { "timer" })
                    return "\(called), \(answer)"
                }
            )
            let client = WorkflowClient(postgres: pooled.client)
            let starter = EagerStarter(
                postgres: pooled.client,
                registry: registry,
                logger: Logger(label: "test", level: .error)
            )
            try await client.store.ensureQueue("default")
            let eager = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await starter.run() }
                let eager = try await starter.start(Scripted<String>.self, 3)
                starter.close()
                try await group.waitForAll()
                return eager.id
            }
            try await withWorker(pooled, registry) { _ in
                let waits = try await client.start(Scripted<String>.self, 1)
                let sleeps = try await client.start(Scripted<String>.self, 2)
                for run in [waits, sleeps, eager] { try await pooled.reached(.waiting, run) }
                for run in [waits, eager] {
                    #expect(try await client.send(poked, "event", to: run) == .delivered)
                }
                for run in [waits, eager] { #expect(try await pooled.ended(run).state == .done) }
                try await pooled.shiftClock(601)
                #expect(try await pooled.ended(sleeps).state == .done)
                for (run, answer) in [(waits, "event"), (eager, "event"), (sleeps, "timer")] {
                    #expect(try await client.result(of: run, Scripted<String>.self) == "called, \(answer)")
                }
            }
            #expect(try await notes(pooled) == [1, 2, 3])
        }
    }

    @Test func `Jobs come and go with somebody else's transaction, through the pooler`() async throws {
        struct Boom: Error {}
        try await withPooler { database, pooled, _ in
            let store = JobStore(postgres: pooled.client)
            try await store.ensureQueue("default")
            var registry = WorkflowRegistry()
            registry.register(Note())
            try await withWorker(pooled, registry) { _ in
                await #expect(throws: Boom.self) {
                    try await pooled.client.withTransaction { tx in
                        try await tx.execute(Query("own", "INSERT INTO notes VALUES (0, 100)"))
                        _ = try await store.enqueue([note(1)], in: &tx)
                        #expect(try await store.enqueueAll((10..<20).map { note($0) }, in: &tx) == 10)
                        throw Boom()
                    }
                }
                let kept = try await pooled.client.withTransaction { tx in
                    try await tx.execute(Query("own", "INSERT INTO notes VALUES (0, 200)"))
                    _ = try await store.enqueueAll((20..<30).map { note($0) }, in: &tx)
                    return try await store.enqueue([note(2)], in: &tx)[0]
                }
                // Somebody else's program, with statements and a search path of its own, calls the function.
                let schema = database.schema
                var plain = try PostgresConfiguration(url: pooled.url)
                plain.isPooled = true
                let other = PostgresClient(plain, loops: database.loops, pool: .init(maximum: 1))
                try await other.withTransaction { tx in
                    try await tx.execute(
                        Query(
                            "other",
                            "SELECT \(identifier: schema).enqueue_job('note', '3'::jsonb)"
                        )
                    )
                }
                await other.shutdown()
                #expect(try await pooled.ended(kept).state == .done)
                try await allEnded(pooled)
            }
            #expect(try await notes(database) == [2, 3] + (20..<30).map { $0 } + [200])
        }
    }

    @Test func `A pooler that is killed at work loses no job and makes none run twice`() async throws {
        try await withPooler { database, pooled, pooler in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            var registry = WorkflowRegistry()
            registry.register(Note())
            try await withWorker(pooled, registry) { _ in
                for round in 0..<3 {
                    let first = round * 500
                    _ = try await store.enqueueAll((first..<(first + 500)).map { note($0) })
                    // Some are done, most are not.
                    _ = try await database.eventually("round \(round) begins") {
                        try await database.count("notes") > first + 20 ? true : nil
                    }
                    pooler.kill()
                    try await pooler.start()
                }
                try await allEnded(database)
            }
            #expect(try await notes(database) == (0..<1500).map { $0 })
            for check in EngineAudit.checks {
                #expect(try await check.offenders(in: database.client) == [], "\(check.name)")
            }
        }
    }

    @Test func `Engines in two schemas of one database never see each other's jobs`() async throws {
        try await withDatabase { first in
            try await withDatabase { second in
                try await neverCross(first, second)
            }
        }
    }

    @Test func `Engines in two schemas share one pooler and never see each other's jobs`() async throws {
        try await withDatabase { first in
            try await withDatabase { second in
                try await TestPooler.with(first) { pooler in
                    let homes = try [first.through(pooler), second.through(pooler)]
                    try await neverCross(homes[0], homes[1])
                    for home in homes { await home.client.shutdown() }
                }
            }
        }
    }

    /// Puts jobs of the same queue, name and key into two schemas, at the same time, each with its worker.
    private func neverCross(_ first: TestDatabase, _ second: TestDatabase) async throws {
        var registry = WorkflowRegistry()
        registry.register(Note())
        for home in [first, second] {
            try await home.create("CREATE TABLE notes (job_id bigint, input bigint)")
            try await JobStore(postgres: home.client).ensureQueue("default")
        }
        try await withWorker(first, registry) { _ in
            try await withWorker(second, registry) { _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (home, start) in [(first, 0), (second, 1000)] {
                        for number in 0..<40 {
                            group.addTask {
                                let store = JobStore(postgres: home.client)
                                var keyed = note(start + number * 2)
                                keyed.key = "\(number)"
                                keyed.unique = Uniqueness(by: .key, while: .kept)
                                let answers = try await store.offer([keyed])
                                #expect(answers.map(\.outcome) == [.made])
                                let made = try await store.enqueueAll([note(start + number * 2 + 1)])
                                #expect(made == 1)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                for home in [first, second] { try await allEnded(home) }
            }
        }
        #expect(try await notes(first) == (0..<80).map { $0 })
        #expect(try await notes(second) == (1000..<1080).map { $0 })
    }
}
