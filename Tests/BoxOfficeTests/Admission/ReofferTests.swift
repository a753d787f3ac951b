@testable import BoxOffice
import Postgres
import Testing
import TestSupport

/// Turns after the first, for those who missed theirs.
@Suite(.timeLimit(.minutes(5)))
struct ReofferTests {
    /// A line of eight whose first four were called and did not come.
    private func withMissedTurns(
        _ fields: [String: String] = [:],
        _ body: (RoomFixture, [AdmissionRequest]) async throws -> Void
    ) async throws {
        let all = ["active_limit": "4", "session_seconds": "600"].merging(fields) { $1 }
        try await RoomFixture.with(all) { room in
            try await room.open()
            let joined = try await room.join((0..<8).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            #expect(try await room.tick().called == 4)
            try await room.tick(through: 25)
            #expect(try await room.view(line[0]).state == .missed)
            try await body(room, line)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `Whoever missed the turn and comes back in time is called next, once`() async throws {
        try await withMissedTurns { room, line in
            #expect(try await room.enter(line[0]) == .notYet)
            #expect(try await room.view(line[0]).state == .waiting)
            #expect(try await room.view(line[0]).isAgain)
            // Asking again and again is asking once.
            #expect(try await room.enter(line[0]) == .notYet)
            // The others' turns take all the room until they are over.
            for place in line[4...] {
                _ = try await room.places.leave(room.onSale, arrival: place.arrival, place: place.place)
            }
            #expect(try await room.tick().called == 1)
            let view = try await room.view(line[0])
            #expect(view.state == .called && view.turnExpiresAt != nil)
            #expect(try await room.enter(line[0]).session != nil)
            #expect(try await room.view(line[0]).state == .admitted)
            // Another who lets the second turn pass has none left.
            #expect(try await room.enter(line[1]) == .notYet)
            #expect(try await room.tick().called == 1)
            try await room.tick(through: 25)
            #expect(try await room.enter(line[1]) == .missed)
        }
    }

    @Test func `They are called before the line, and count against the limit`() async throws {
        try await withMissedTurns { room, line in
            for place in line[0..<3] { #expect(try await room.enter(place) == .notYet) }
            // Those after them were called when their turns ended; now theirs end, too.
            try await room.tick(through: 25)
            for place in line[0..<3] { #expect(try await room.view(place).state == .called) }
            var sessions = 0
            for place in line where try await room.enter(place).session != nil { sessions += 1 }
            #expect(sessions == 3)
        }
    }

    @Test func `After the window, or where there are none, a missed turn is missed`() async throws {
        try await withMissedTurns(["reoffer_seconds": "30"]) { room, line in
            try await room.tick(through: 60)
            #expect(try await room.enter(line[0]) == .missed)
        }
        try await withMissedTurns(["reoffer_limit": "0"]) { room, line in
            let outcome = try await room.enter(line[0])
            #expect(outcome == .missed)
        }
    }

    @Test func `A pause makes second turns longer, and leaving ends them`() async throws {
        try await withMissedTurns { room, line in
            for place in line[4...] {
                _ = try await room.places.leave(room.onSale, arrival: place.arrival, place: place.place)
            }
            for place in line[0..<2] { #expect(try await room.enter(place) == .notYet) }
            #expect(try await room.tick().called == 2)
            let turn = try #require(try await room.view(line[0]).turnExpiresAt)
            try await room.onSales.pause(room.onSale, by: "test", reason: nil)
            try await room.tick(through: 100)
            try await room.onSales.resume(room.onSale, by: "test")
            #expect(try #require(try await room.view(line[0]).turnExpiresAt) >= turn + .seconds(100))
            _ = try await room.places.leave(room.onSale, arrival: line[1].arrival, place: line[1].place)
            #expect(try await room.enter(line[1]) == .left)
            #expect(try await room.enter(line[0]).session != nil)
        }
    }

    @Test func `The audit notices who came by a second turn before it was called`() async throws {
        try await withMissedTurns { room, line in
            for place in line[4...] {
                _ = try await room.places.leave(room.onSale, arrival: place.arrival, place: place.place)
            }
            #expect(try await room.enter(line[0]) == .notYet)
            try await room.tick()
            #expect(try await room.enter(line[0]).session != nil)
            #expect(try await room.offenders() == [])
            let crime: SQL = "UPDATE reoffers SET called_at = called_at + interval '1 hour'"
            try await room.postgres.execute(Query("test.crime", crime))
            #expect(try await room.offenders().count == 1)
            try await room.postgres.execute(Query("test.undo", "UPDATE reoffers SET called_at = asked_at"))
        }
    }
}
