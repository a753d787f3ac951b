@testable import BoxOffice
import Postgres
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(5)))
struct EmergencyTests {
    @Test func `A stop keeps everyone out and everything in place, and says why`() async throws {
        try await RoomFixture.with(["active_limit": "4", "session_seconds": "600"]) { room in
            try await room.open()
            let joined = try await room.join((0..<8).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            try await room.tick()
            let session = try #require(try await room.enter(line[0]).session)
            await #expect(throws: OnSaleProblem.notConfirmed(title: "Evening")) {
                try await room.onSales.stop(room.onSale, confirming: "evening", by: "test", reason: nil)
            }
            #expect(try await room.status().publishedState == "admitting")
            try await room.onSales.stop(room.onSale, confirming: "Evening", by: "test", reason: "fire alarm")
            let status = try await room.status()
            #expect(
                status.publishedState == "paused" && status.isStopped && status.pauseReason == "fire alarm"
            )
            #expect(try await room.enter(line[1]) == .stopped)
            #expect(try await room.enter(line[0]).session?.id == session.id)
            let house = House(client: room.postgres)
            let request = house.request(session.id.rawValue, 1, of: "floor")
            #expect(try await house.hold([request]) == [.stopped])
            try await room.tick(through: 100)
            await #expect(throws: OnSaleProblem.alreadyPaused) {
                try await room.onSales.stop(room.onSale, confirming: "Evening", by: "test", reason: nil)
            }
            try await room.onSales.resume(room.onSale, by: "test")
            #expect(try await !room.status().isStopped)
            #expect(try await room.enter(line[1]).session != nil)
            let outcome = try #require(try await house.hold([request]).first)
            guard case .held = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `For a limited time everyone is let through for whom there may be a ticket`() async throws {
        try await RoomFixture.with(["rate_per_minute": "1", "active_limit": "1"]) { room in
            try await room.open()
            let joined = try await room.join((0..<200).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            try await room.tick()
            #expect(try await room.status().serving <= 1)
            await #expect(throws: OnSaleProblem.notConfirmed(title: "Evening")) {
                try await room.onSales.failOpen(
                    room.onSale,
                    seconds: 60,
                    confirming: "",
                    by: "test",
                    reason: nil
                )
            }
            try await room.onSales.failOpen(
                room.onSale,
                seconds: 30,
                confirming: "Evening",
                by: "test",
                reason: "a test"
            )
            #expect(try await room.status().openUntil != nil)
            try await room.tick()
            // 112 tickets, two for each.
            let serving = try await room.status().serving
            #expect(serving > 50 && serving < 60)
            #expect(try await room.onSales.find(room.onSale).admissionNote == "fail_open")
            let outcomes = try await room.admissions.commit(Array(line[0..<20]))
            #expect(outcomes.allSatisfy { $0.session != nil })
            #expect(try await room.enter(line[150]) == .notYet)
            try await room.tick(through: 40)
            let after = try await room.status().serving
            try await room.tick(through: 10)
            #expect(try await room.status().serving == after)
            let audit = try await room.postgres.query(
                Query("test.audit", "SELECT action, actor FROM audit_entries WHERE action = 'fail_open'")
            )
            #expect(try audit.map { try $0[1] as String } == ["test"])
            #expect(try await room.offenders() == [])
        }
    }
}
