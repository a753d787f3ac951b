import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

/// An event that comes while a worker parks its run, in both orders of the two locks; ``RaceTests`` has the statements
/// by themselves.
@Suite(.timeLimit(.minutes(5)))
struct WakeUpRaceTests {
    private static let poked = EventKey<String>("poked")

    /// Waits for an event after an effect.
    private struct Waiter: Workflow {
        static let name = "waiter"
        let effect: @Sendable () async -> Void

        func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
            try await context.effect("before") { _ in await effect() }
            return try await context.first(on(WakeUpRaceTests.poked) { $0 })
        }
    }

    private func registry(_ effect: @escaping @Sendable () async -> Void) -> WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(Waiter(effect: effect))
        return registry
    }

    /// Waits until a session stands behind another's row lock.
    private func someoneWaits(_ database: TestDatabase) async throws {
        _ = try await database.eventually("a session waits for a row") {
            let waiting: Int64 = try await database.client.query(
                Query(
                    "test_waiting",
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = \(database.schema) AND wait_event_type = 'Lock'
                        AND wait_event <> 'advisory'
                    """
                )
            )[0][0]
            return waiting > 0 ? true : nil
        }
    }

    @Test func `An event finds the row locked by a worker that parks the run, and wakes it`() async throws {
        try await withDatabase(pool: .init(maximum: 12)) { database in
            let gate = AdvisoryGate()
            try await database.client.simple(
                gate.holdCommits("INSERT ON checkpoints", when: "NEW.key = 'wait'")
            )
            let client = WorkflowClient(postgres: database.client)
            let run = try await client.start(Waiter.self, 0)
            try await withWorker(database, registry {}) { _ in
                try await withThrowingTaskGroup(of: EventDelivery.self) { group in
                    try await gate.whileClosed(database.client) {
                        _ = try await database.eventually("the park stands at its commit") {
                            try await gate.waiting(database.client).isEmpty ? nil : true
                        }
                        group.addTask { try await client.send(Self.poked, "now", to: run) }
                        try await someoneWaits(database)
                    }
                    #expect(try await group.next() == .delivered)
                }
                let job = try await database.ended(run)
                #expect(job.state == .done, "\(job.error ?? "")")
                #expect(job.epoch == 2, "it was parked, and woken")
            }
            #expect(try await client.result(of: run, Waiter.self) == "now")
        }
    }

    @Test func `A worker that would park a run finds the row locked by an event, and goes on`() async throws {
        try await withDatabase(pool: .init(maximum: 12)) { database in
            let (begun, ending) = (Gate(), Gate())
            let registry = registry {
                begun.open()
                await ending.pass()
            }
            let client = WorkflowClient(postgres: database.client)
            let run = try await client.start(Waiter.self, 0)
            try await withWorker(database, registry) { _ in
                await begun.pass()
                try await database.client.withTransaction { tx in
                    let delivery = try await client.send(Self.poked, "now", to: run, in: &tx)
                    #expect(delivery == .delivered)
                    // The go that keeps the effect's result, and would park the run, has to wait for this.
                    ending.open()
                    try await someoneWaits(database)
                }
                let job = try await database.ended(run)
                #expect(job.state == .done, "\(job.error ?? "")")
                #expect(job.epoch == 1, "it was never parked")
            }
            #expect(try await client.result(of: run, Waiter.self) == "now")
        }
    }
}
