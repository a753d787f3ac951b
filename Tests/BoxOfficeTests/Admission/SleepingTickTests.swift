import Foundation
import Jobs
import JobsTesting
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// The tick of an on-sale that is sold out: it does nothing until there is something to do, and then does it at once.
@Suite(.timeLimit(.minutes(5)))
struct SleepingTickTests {
    /// A sold-out on-sale whose tick is worked off by the engine.
    private struct Asleep {
        let room: RoomFixture
        let line: [AdmissionRequest]
        let tester: WorkflowTester
        let run: JobID

        func free(_ count: Int) async throws {
            try await room.postgres.execute(
                Query(
                    "test.sell",
                    """
                    UPDATE tiers SET free = CASE id WHEN 'floor' THEN \(count) ELSE 0 END, held = 0,
                        sold = capacity - CASE id WHEN 'floor' THEN \(count) ELSE 0 END
                    """
                )
            )
        }

        func ask(_ place: AdmissionRequest) async throws -> WaitlistOutcome? {
            let request = WaitlistRequest(
                onSale: room.onSale,
                arrival: place.arrival,
                place: place.place,
                quantity: 1
            )
            return try await Waitlist(postgres: room.postgres, orders: room.orders).commit([request]).first
        }

        /// How often the tick lay down.
        func naps() async throws -> Int {
            let row = try await room.postgres.first(Query("test.naps", "SELECT naps FROM on_sales"))
            return try #require(try row?[0])
        }

        /// Works off what is due by now: who is woken ticks in a go of its own.
        func settle() async throws {
            try await tester.drain()
            try await tester.advance(by: .milliseconds(1))
            try await tester.drain()
        }

        /// Moves the clock on by seconds, and works off what is due after each.
        func pass(seconds: Int) async throws {
            for _ in 0..<seconds {
                try await tester.advance(by: .seconds(1))
                try await tester.drain()
            }
        }
    }

    private func withSleepingTick(_ body: (Asleep) async throws -> Void) async throws {
        try await RoomFixture.with(["active_limit": "2"]) { room in
            try await room.open()
            let joined = try await room.join((0..<5).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            var registry = WorkflowRegistry()
            registry.register(OnSaleLifecycle())
            registry.register(AdmissionTick(orders: room.orders))
            registry.register(Notify(channel: Mailbox()))
            let tester = WorkflowTester(postgres: room.postgres, registry: registry)
            let run = try await tester.client.start(
                AdmissionTick.self,
                AdmissionTick.Input(onSale: room.onSale),
                key: AdmissionTick.key(room.onSale)
            )
            let asleep = Asleep(room: room, line: line, tester: tester, run: run)
            try await asleep.free(0)
            try await tester.drain()
            #expect(try await room.status().state == .soldOut)
            #expect(try await asleep.naps() == 0)
            try await asleep.pass(seconds: 1)
            #expect(try await asleep.naps() == 1)
            try await body(asleep)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `It sleeps through what changes nothing, and calls at once when something comes back`()
        async throws
    {
        try await withSleepingTick { asleep in
            let seq = try await asleep.room.status().seq
            try await asleep.pass(seconds: 5)
            // Nothing is there to be offered.
            #expect(try await asleep.ask(asleep.line[3]) == .waiting(position: 1))
            #expect(try await asleep.ask(asleep.line[4]) == .waiting(position: 2))
            try await asleep.tester.drain()
            #expect(try await asleep.naps() == 1)
            #expect(try await asleep.room.status().seq == seq)
            try await asleep.free(1)
            try await SleepingTick.wake(asleep.room.onSale, in: asleep.room.postgres)
            try await asleep.settle()
            #expect(try await asleep.room.view(asleep.line[3]).state == .called)
            #expect(try await asleep.room.view(asleep.line[4]).state == .waiting)
            // Now it is up, until all is sold again and the turn is over.
            try await SleepingTick.wake(asleep.room.onSale, in: asleep.room.postgres)
            #expect(try await asleep.room.enter(asleep.line[3]).session != nil)
            try await asleep.pass(seconds: 3)
            #expect(try await asleep.naps() == 1)
            #expect(
                try await asleep.room.places.leave(
                    asleep.room.onSale,
                    arrival: asleep.line[3].arrival,
                    place: asleep.line[3].place
                )
            )
            try await asleep.pass(seconds: 1)
            #expect(try await asleep.room.view(asleep.line[4]).state == .called)
            try await asleep.free(0)
            try await asleep.pass(seconds: 21)
            #expect(try await asleep.naps() == 2)
        }
    }

    @Test func `A spot on the waitlist wakes it when something had come back before`() async throws {
        try await withSleepingTick { asleep in
            try await asleep.free(1)
            try await asleep.pass(seconds: 1)
            #expect(try await asleep.naps() == 1)
            #expect(try await asleep.ask(asleep.line[2]) == .waiting(position: 1))
            try await asleep.settle()
            #expect(try await asleep.room.view(asleep.line[2]).state == .called)
        }
    }

    @Test func `It looks up by itself after the longest nap, and ends with the on-sale`() async throws {
        try await withSleepingTick { asleep in
            // Somebody changed the books, and told nobody.
            #expect(try await asleep.ask(asleep.line[2]) == .waiting(position: 1))
            try await asleep.free(1)
            try await asleep.tester.advance(by: SleepingTick.longestNap)
            try await asleep.settle()
            #expect(try await asleep.room.view(asleep.line[2]).state == .called)
            #expect(try await asleep.tester.finish(asleep.run).state == .done)
            #expect(try await asleep.room.status().state == .closed)
        }
    }

    @Test func `Calling the on-sale off ends it at once`() async throws {
        try await withSleepingTick { asleep in
            try await JobStore(postgres: asleep.room.postgres).ensureQueue(TellEveryone.queue)
            try await asleep.room.onSales.cancel(asleep.room.onSale, by: "test", reason: nil)
            let run = try #require(try await asleep.tester.client.store.job(asleep.run))
            #expect(run.state == .ready)
        }
    }

    @Test func `A run in flight whose tick an older version made goes on as it would have`() throws {
        let older = #"{"called": 2, "isLast": false, "isQuiet": true}"#
        let report = try JSONDecoder().decode(TickReport.self, from: Data(older.utf8))
        #expect(report == TickReport(called: 2))
    }

    @Test func `Who wakes it while it lies down is heard`() async throws {
        try await withSleepingTick { asleep in
            let room = asleep.room
            try await room.postgres.withTransaction { tx in
                // As the engine does: the run's row is locked from before the tick to its commit.
                _ = try await tx.query(JobStatements.lock([asleep.run]))
                let gate = try await OnSaleGate.lock(room.onSale, in: &tx)
                _ = try await SleepingTick.lieDown(gate, in: tx)
                async let waking: Void = SleepingTick.wake(room.onSale, in: room.postgres)
                while true {
                    let row = try await tx.first(
                        Query("test.blocked", "SELECT count(*) FROM pg_locks WHERE NOT granted")
                    )
                    let waiting: Int = try row?[0] ?? 0
                    if waiting > 0 { break }
                }
                _ = try await tx.commit(after: [])
                try await waking
            }
            let events = try await room.postgres.query(
                Query("test.events", "SELECT name FROM events WHERE job_id = \(asleep.run.rawValue)")
            )
            #expect(try events.map { try $0[0] as String } == ["woken.2"])
        }
    }
}
