import Jobs
import JobsTesting
import Postgres
import Telemetry
import Testing
import TestSupport
import Workflows

/// The test kit does what a worker does, without one.
@Suite(.timeLimit(.minutes(5)))
struct JobTesterTests {
    private struct Refused: Error {}

    /// Enqueues the next smaller number; fails at its first go if it is odd.
    private struct Countdown: Job {
        static let name = "countdown"
        static let retry = RetryPolicy.fixed(.seconds(3600), max: 2)
        let store: JobStore

        func perform(_ context: JobContext, _ number: Int) async throws -> Int {
            context.log(.info, "go \(context.attempt)")
            if number % 2 == 1, context.attempt == 1 { throw Refused() }
            if number > 0 { _ = try await store.enqueue([NewJob(Countdown.self, number - 1)]) }
            return number
        }
    }

    private struct Credit: TransactionalJob {
        static let name = "credit"
        static let retry = RetryPolicy.never

        func perform(_ context: JobContext, _ amount: Int, in tx: inout Transaction) async throws {
            try await tx.execute(Query("t", "INSERT INTO credits VALUES (\(Int64(amount)))"))
            if amount == 13 { throw JobVerdict.discard("unlucky") }
        }
    }

    private struct Sum: BatchJob {
        static let name = "sum"
        static let retry = RetryPolicy.never

        func perform(_ batch: [BatchItem<Int>], in tx: inout Transaction) async throws -> [BatchOutcome] {
            if batch.contains(where: { $0.input == 13 }) { throw Refused() }
            return batch.map { _ in .output(JSONB(text: "\(batch.count)")) }
        }
    }

    private func registry(_ store: JobStore) -> WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(Countdown(store: store))
        registry.register(Credit())
        registry.register(Sum())
        return registry
    }

    @Test func `Draining works a queue until nothing is ready, and the clock brings back the rest`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let tester = JobTester(postgres: database.client, registry: registry(desk.store))
            let id = try await desk.enqueue(Countdown.self, 2)
            let goes = try await tester.drain()
            #expect(
                goes.map(\.outcome) == [
                    .done(output: JSONB(text: "2")),
                    .retried(after: .seconds(3600), failures: 1, error: "Refused()"),
                ]
            )
            #expect(try await tester.drain().isEmpty)
            try await tester.advance(by: .seconds(3601))
            let rest = try await tester.drain()
            #expect(rest.map(\.attempt) == [2, 1])
            #expect(
                rest.map(\.outcome) == [.done(output: JSONB(text: "1")), .done(output: JSONB(text: "0"))]
            )
            #expect(try await desk.state(id) == .done)
            #expect(try await desk.store.log(of: rest[0].id).map(\.message) == ["go 1", "go 2"])
            #expect(try await database.count("claims") == 0)
        }
    }

    @Test func `Draining gives a batch all jobs of its claim, and halves it around a bad one`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let tester = JobTester(postgres: database.client, registry: registry(desk.store))
            _ = try await desk.store.enqueue(try [1, 2, 3, 13].map { try NewJob(Sum.self, $0) })
            let goes = try await tester.drain()
            #expect(
                goes.map(\.outcome) == [
                    .done(output: JSONB(text: "2")), .done(output: JSONB(text: "2")),
                    .done(output: JSONB(text: "1")),
                    .failed(.failed, error: "Refused()"),
                ]
            )
        }
    }

    @Test func `Inline jobs are performed in the caller's transaction and go with it`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            try await database.create("CREATE TABLE credits (n bigint)")
            let tester = JobTester(postgres: database.client, registry: registry(desk.store))
            let other = try await desk.enqueue(Countdown.self, 0)
            let goes = try await database.client.withTransaction { tx in
                try await tester.performInline(
                    try [7, 13].map { try NewJob(Credit.self, $0) }
                        + [try NewJob(Credit.self, 8, runAt: .now + .seconds(60))],
                    in: &tx
                )
            }
            #expect(goes.map(\.outcome) == [.done(output: nil), .failed(.discarded, error: "unlucky")])
            #expect(try await database.count("credits") == 1)
            #expect(try await desk.state(goes[0].id) == .done)
            #expect(try await desk.kind(goes[1].id) == .discarded)
            #expect(try await desk.state(other) == .ready)
            await #expect(throws: Refused.self) {
                try await database.client.withTransaction { tx in
                    _ = try await tester.performInline([try NewJob(Credit.self, 9)], in: &tx)
                    throw Refused()
                }
            }
            #expect(try await database.count("credits") == 1)
            #expect(try await database.count("jobs") == 4)
        }
    }

    @Test func `By hand a job is claimed, robbed, and performed to no effect`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            try await database.create("CREATE TABLE credits (n bigint)")
            let tester = JobTester(postgres: database.client, registry: registry(desk.store))
            let id = try await desk.enqueue(Credit.self, 7)
            let robbed = try #require(try await tester.claim())
            #expect(try await tester.claim() == nil)
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 10, maxFailures: 9))
            #expect(try await tester.perform(robbed) == nil)
            #expect(try await database.count("credits") == 0)
            let held = try #require(try await tester.claim())
            #expect(held.id == id && held.attempt == 2 && held.input.text == "7")
            #expect(try await tester.perform(held)?.outcome == .done(output: nil))
            #expect(try await database.count("credits") == 1)
        }
    }

    private struct Later: Workflow {
        static let name = "later"
        func run(_ context: WorkflowContext, _ input: Int) async throws -> Int { input }
    }

    @Test func `A run is refused and stays as it was`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let tester = JobTester(postgres: database.client, registry: registry(desk.store))
            let run = try await WorkflowClient(postgres: database.client).start(Later.self, 1)
            await #expect(throws: JobsError.self) { try await tester.drain() }
            #expect(try await desk.state(run) == .ready)
            #expect(try await desk.store.job(run)?.failures == 0)
        }
    }
}
