import Jobs
import JobsTesting
import Postgres
import Reactor
import Testing
import TestSupport
import Workflows

@Suite(.timeLimit(.minutes(5)))
struct WorkflowTesterTests {
    private static let cancel = EventKey<String>("cancel")

    /// Bills a customer each month, until they have had enough.
    private struct Subscription: Workflow {
        static let name = "subscription"
        static let retry = RetryPolicy.fixed(.seconds(60), max: 5)
        let charge: @Sendable (Int) async throws -> Void

        func run(_ context: WorkflowContext, _ months: Int) async throws -> Int {
            try await context.step("open") { tx in
                try await tx.execute(Query("t", "INSERT INTO ledger (what) VALUES ('open')"))
            }
            for month in 1...months {
                let stopped = try await context.first(
                    on(WorkflowTesterTests.cancel) { _ in true },
                    after(.seconds(30 * 86_400)) { false }
                )
                if stopped { return month - 1 }
                try await context.effect("charge", retry: .fixed(.seconds(3600), max: 3)) { _ in
                    try await charge(month)
                }
                try await context.step("book") { tx in
                    try await tx.execute(Query("t", "INSERT INTO ledger (what) VALUES (\("month \(month)"))"))
                }
            }
            return months
        }
    }

    private func withTester(
        _ failures: ScriptedFailures = ScriptedFailures(),
        charge: @escaping @Sendable (Int) async throws -> Void = { _ in },
        _ body: @Sendable (TestDatabase, WorkflowTester) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE ledger (at bigserial, what text NOT NULL)")
            var registry = WorkflowRegistry()
            registry.register(Subscription(charge: charge))
            try await body(
                database,
                WorkflowTester(postgres: database.client, registry: registry, failures: failures)
            )
        }
    }

    private func ledger(_ database: TestDatabase) async throws -> [String] {
        try await database.client.query(Query("t_ledger", "SELECT what FROM ledger ORDER BY at")).map {
            try $0[0]
        }
    }

    @Test func `A year of waiting is over at once`() async throws {
        try await withTester { database, tester in
            #expect(try await tester.run(Subscription.self, 12) == 12)
            #expect(try await ledger(database) == ["open"] + (1...12).map { "month \($0)" })
            let passed: Double = try await database.client.query(
                Query("t_shift", "SELECT extract(epoch FROM shift)::double precision FROM clock")
            )[0][0]
            #expect(abs(passed - 12 * 30 * 86_400) < 120)
        }
    }

    @Test func `Time goes as far as it is told, and events come in between`() async throws {
        try await withTester { database, tester in
            let run = try await tester.client.start(Subscription.self, 12)
            try await tester.drain()
            #expect(try await ledger(database) == ["open"])
            try await tester.advance(by: .seconds(29 * 86_400))
            try await tester.drain()
            #expect(try await ledger(database) == ["open"])
            try await tester.advance(by: .seconds(2 * 86_400))
            try await tester.drain()
            #expect(try await ledger(database) == ["open", "month 1"])
            _ = try await tester.client.send(WorkflowTesterTests.cancel, "enough", to: run)
            #expect(try await tester.finish(run).state == .done)
            #expect(try await tester.client.result(of: run, Subscription.self) == 1)
        }
    }

    @Test func `A scripted failure is thrown as often as it was asked for, in the code's face`() async throws
    {
        struct Declined: Error {}
        let failures = ScriptedFailures()
        failures.fail("charge#2", times: 2, with: Declined())
        failures.fail("open", with: Declined())
        let charged = Lock<[Int]>([])
        try await withTester(failures, charge: { month in charged.withLock { $0.append(month) } }) {
            database,
            tester in
            let months = try await tester.run(Subscription.self, 2)
            #expect(months == 2)
            #expect(failures.happened == 3)
            #expect(failures.pending == [])
            #expect(try await ledger(database) == ["open", "month 1", "month 2"])
        }
        #expect(charged.withLock { $0 } == [1, 2])
    }

    @Test(arguments: [ScriptedFailures.Moment.before, .after, .afterCommit])
    func `A worker that dies at any moment of a step leaves it done once`(
        _ moment: ScriptedFailures.Moment
    ) async throws {
        let failures = ScriptedFailures()
        for step in ["open", "book", "book#2"] { failures.crash(moment, of: step) }
        try await withTester(failures) { database, tester in
            let months = try await tester.run(Subscription.self, 2)
            #expect(months == 2)
            #expect(failures.happened == 3)
            #expect(try await ledger(database) == ["open", "month 1", "month 2"])
        }
    }

    @Test func `An effect whose worker dies before its result is kept is performed again`() async throws {
        let failures = ScriptedFailures()
        failures.crash(.before, of: "charge")
        failures.crash(.after, of: "charge#2")
        let charged = Lock<[Int]>([])
        try await withTester(failures, charge: { month in charged.withLock { $0.append(month) } }) {
            database,
            tester in
            let months = try await tester.run(Subscription.self, 2)
            #expect(months == 2)
            #expect(try await ledger(database) == ["open", "month 1", "month 2"])
        }
        #expect(charged.withLock { $0 } == [1, 2, 2])
    }

    @Test func `A run that has failed for good stays so, whenever a worker dies while it is undone`()
        async throws
    {
        struct Refused: Error {}
        struct Trip: Workflow {
            static let name = "trip"
            static let retry = RetryPolicy.never
            func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
                context.compensate("seat") { undo in
                    try await undo.step("free") { tx in
                        try await tx.execute(Query("t", "INSERT INTO ledger (what) VALUES ('freed')"))
                    }
                }
                try await context.effect("pay", retry: .never) { _ in }
                return 1
            }
        }
        for moment in [ScriptedFailures.Moment.before, .after, .afterCommit] {
            try await withDatabase { database in
                try await database.create("CREATE TABLE ledger (at bigserial, what text NOT NULL)")
                var registry = WorkflowRegistry()
                registry.register(Trip())
                let failures = ScriptedFailures()
                // It would go well the second time.
                failures.fail("pay", with: Refused())
                failures.crash(moment, of: "undo:seat/free")
                let tester = WorkflowTester(
                    postgres: database.client,
                    registry: registry,
                    failures: failures
                )
                let run = try await tester.client.start(Trip.self, 1)
                let job = try await tester.finish(run)
                #expect(job.state == .failed)
                #expect(job.error?.contains("Refused") == true)
                #expect(failures.pending == [])
                let lines = try await ledger(database)
                #expect(lines == ["freed"])
            }
        }
    }

    @Test func `A run that no clock can end says what it waits for`() async throws {
        struct Waits: Workflow {
            static let name = "waits"
            func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
                _ = try await context.first(on(WorkflowTesterTests.cancel) { $0 })
                return 1
            }
        }
        try await withDatabase { database in
            var registry = WorkflowRegistry()
            registry.register(Waits())
            let tester = WorkflowTester(postgres: database.client, registry: registry)
            let run = try await tester.client.start(Waits.self, 1)
            let error = await #expect(throws: WorkflowError.self) { try await tester.finish(run) }
            #expect(error?.message.contains("it waits for: cancel") == true)
        }
    }
}
