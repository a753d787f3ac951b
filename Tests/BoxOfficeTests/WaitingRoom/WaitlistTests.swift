@testable import BoxOffice
import Postgres
import Testing
import TestSupport

/// What comes back after everything was sold.
@Suite(.timeLimit(.minutes(5)))
struct WaitlistTests {
    private func sell(_ room: RoomFixture, free: Int = 0) async throws {
        try await room.postgres.execute(
            Query(
                "test.sell",
                """
                UPDATE tiers SET free = CASE id WHEN 'floor' THEN \(free) ELSE 0 END, held = 0,
                    sold = capacity - CASE id WHEN 'floor' THEN \(free) ELSE 0 END
                """
            )
        )
    }

    private func join(
        _ room: RoomFixture,
        _ place: AdmissionRequest,
        _ quantity: Int = 1
    ) async throws -> WaitlistOutcome {
        let request = WaitlistRequest(
            onSale: room.onSale,
            arrival: place.arrival,
            place: place.place,
            quantity: quantity
        )
        return try #require(
            try await Waitlist(postgres: room.postgres, orders: room.orders).commit([request]).first
        )
    }

    private func withSoldOut(_ body: (RoomFixture, [AdmissionRequest]) async throws -> Void) async throws {
        try await RoomFixture.with(["active_limit": "2"]) { room in
            try await room.open()
            let joined = try await room.join((0..<6).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            #expect(try await join(room, line[5]) == .wrongState(.admitting))
            try await room.tick()
            #expect(try await room.enter(line[0]).session != nil)
            try await sell(room)
            try await room.tick()
            try await room.tick()
            #expect(try await room.status().state == .soldOut)
            try await body(room, line)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `What comes back is offered in the order of asking`() async throws {
        try await withSoldOut { room, line in
            #expect(try await join(room, line[4]) == .waiting(position: 1))
            #expect(try await join(room, line[0], 4) == .waiting(position: 2))
            #expect(try await join(room, line[2]) == .waiting(position: 3))
            #expect(try await join(room, line[4]) == .waiting(position: 1))
            #expect(try await room.view(line[4]).state == .waiting)
            #expect(try await room.tick().called == 0)
            // Two come back: one for the first, and the second takes what is left.
            try await sell(room, free: 2)
            #expect(try await room.tick().called == 2)
            #expect(try await room.tick().called == 0)
            #expect(try await room.view(line[4]).state == .called)
            #expect(try await room.view(line[0]).state == .called)
            #expect(try await room.view(line[2]).state == .waiting)
            #expect(try await join(room, line[4]) == .called)
            // One who was inside before comes in again, with the one session there is for a place.
            let session = try #require(try await room.enter(line[0]).session)
            #expect(session.isLive)
            #expect(try await join(room, line[0]) == .inside)
            try await room.tick()
            #expect(try await room.enter(line[0]).session == session)
            // The first does not come; the third is next.
            try await room.tick(through: 25)
            #expect(try await room.view(line[4]).state == .done)
            try await sell(room, free: 4)
            #expect(try await room.tick().called == 1)
            #expect(try await room.enter(line[2]).session != nil)
        }
    }

    @Test func `Who left or is unknown gets no spot, and the end ends all`() async throws {
        try await withSoldOut { room, line in
            _ = try await room.places.leave(room.onSale, arrival: line[1].arrival, place: line[1].place)
            #expect(try await join(room, line[1]) == .left)
            let forged = AdmissionRequest(onSale: room.onSale, arrival: line[2].arrival, place: line[3].place)
            #expect(try await join(room, forged) == .unknownPlace)
            #expect(try await join(room, line[3]) == .waiting(position: 1))
            try await room.pass(.seconds(7200))
            #expect(try await room.advance().state == .closed)
            #expect(try await room.tick().isLast)
            #expect(try await room.view(line[3]).state == .done)
            #expect(try await join(room, line[4]) == .wrongState(.closed))
        }
    }
}
