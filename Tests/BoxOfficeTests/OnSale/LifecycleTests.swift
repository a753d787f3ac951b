@testable import BoxOffice
import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

/// An on-sale's whole life by real workers; only the database's clock is moved.
@Suite(.timeLimit(.minutes(5)))
struct LifecycleTests {
    @Test func `an on-sale opens, draws, calls, sells out and closes by itself`() async throws {
        // Nobody misses a turn because the machine is busy.
        try await RoomFixture.with(["turn_seconds": "600"]) { room in
            try await room.working {
                try await room.reaches { $0.state == .scheduled }
                try await room.pass(.seconds(3601))
                try await room.reaches { $0.state == .prequeue }
                let joined = try await room.join((0..<12).map { "buyer \($0)" })
                try await room.pass(.seconds(1800))
                try await room.reaches { $0.state == .admitting && $0.serving == 12 }
                for place in joined { #expect(try await room.enter(place).session != nil) }
                let late = try await room.join(["late"])
                #expect(late[0].arrival == 13)
                try await room.reaches { $0.serving == 13 }
                try await room.postgres.execute(
                    Query("test.sell", "UPDATE tiers SET free = 0, sold = capacity")
                )
                try await room.reaches { $0.state == .soldOut }
                try await room.eventually { try await room.view(joined[0]).state == .done }
                try await room.pass(.seconds(7200))
                try await room.reaches { $0.state == .closed }
                for workflow in ["admission", "on_sale"] { try await room.ends(workflow) }
                #expect(try await room.offenders() == [])
            }
        }
    }

    @Test func `a rescheduled on-sale opens at the new time, and a cancelled one ends`() async throws {
        try await RoomFixture.with { room in
            try await room.working {
                let opens = try await room.onSales.find(room.onSale).opensAt
                let earlier = Array(#"{"opens_at": "\#(opens - .seconds(3590))"}"#.utf8)
                _ = try await room.onSales.patch(room.onSale, json: earlier, by: "test")
                try await room.pass(.seconds(11))
                try await room.reaches { $0.state == .prequeue }
                let later = Array(#"{"starts_at": "\#(opens + .seconds(3600))"}"#.utf8)
                _ = try await room.onSales.patch(room.onSale, json: later, by: "test")
                try await room.onSales.cancel(room.onSale, by: "test", reason: "rain")
                try await room.ends("on_sale")
                #expect(try await room.status().state == .cancelled)
                #expect(try await room.joins.commit([room.request("a")]) == [.closed])
            }
        }
    }
}

extension RoomFixture {
    /// Runs `body` while a worker and a scheduler do their work and the clock runs; messages go to the channel, if there is one.
    func working(
        telling channel: (any NotificationChannel)? = nil,
        _ body: () async throws -> Void
    ) async throws {
        try await postgres.startClock()
        var registry = WorkflowRegistry()
        registry.register(OnSaleLifecycle())
        registry.register(AdmissionTick(orders: orders))
        registry.register(TellEveryone(orders: orders))
        var queues = ["default"]
        if let channel {
            registry.register(Notify(channel: channel))
            queues += [Notify.queue] + MessageTemplate.Channel.allCases.map(Notify.queue(for:))
            for queue in queues { try await JobStore(postgres: postgres).ensureQueue(queue) }
        }
        let logger = Logger(label: "test", level: .error)
        let worker = JobWorker(
            postgres: postgres,
            registry: registry,
            configuration: WorkerConfiguration(queues: queues, pollInterval: .milliseconds(20)),
            logger: logger
        )
        let scheduler = JobScheduler(
            postgres: postgres,
            name: "test",
            configuration: SchedulerConfiguration(promoteInterval: .milliseconds(10)),
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            group.addTask { await scheduler.run() }
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            worker.stop()
            scheduler.stop()
            try await group.waitForAll()
            try outcome.get()
        }
    }

    /// Asks until the on-sale is as described.
    func reaches(_ condition: (OnSaleStatus) -> Bool) async throws {
        try await eventually { condition(try await status()) }
    }

    /// Asks until all runs of a workflow have ended, and expects that they ended well.
    func ends(_ workflow: String) async throws {
        try await eventually {
            let row = try await postgres.first(
                Query(
                    "test.ended",
                    """
                    SELECT bool_and(state = 'done'), bool_or(state IN ('failed', 'cancelled'))
                    FROM jobs WHERE name = \(workflow)
                    """
                )
            )
            #expect(try row?[1] == false)
            return try row?[0] ?? false
        }
    }

    func eventually(_ look: () async throws -> Bool) async throws {
        while try await !look() { _ = try await postgres.query(Query("test.pause", "SELECT pg_sleep(0.01)")) }
    }
}
