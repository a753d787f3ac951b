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

    // MARK: Without a place

    private func come(
        _ room: RoomFixture,
        _ names: [String],
        _ quantity: Int = 1
    ) async throws -> [WaitlistJoinOutcome] {
        try await come(room, names.map(room.request), quantity)
    }

    private func come(
        _ room: RoomFixture,
        _ joins: [JoinRequest],
        _ quantity: Int = 1
    ) async throws -> [WaitlistJoinOutcome] {
        try await Waitlist(postgres: room.postgres, orders: room.orders)
            .commit(joins.map { WaitlistJoin($0, quantity: quantity) })
    }

    @Test func `Who comes when everything is sold gets a place at the end, and a spot with it`() async throws
    {
        try await withSoldOut { room, line in
            #expect(try await room.joins.commit([room.request("late")]) == [.soldOut])
            #expect(try await join(room, line[3]) == .waiting(position: 1))
            // One who was there already asks for that place, and is before those who are new.
            let old = line[4]
            let first = try await come(room, ["late", "later", "late", "buyer \(old.arrival - 1)"], 2)
            guard case .placed(let place, let arrival, .waiting(position: 3)) = first[0] else {
                Issue.record("\(first)")
                return
            }
            #expect(arrival == 7 && first[2] == first[0], "the same buyer has the same place")
            #expect(first[3] == .placed(old.place, arrival: old.arrival, .waiting(position: 2)))
            guard case .placed(_, 8, .waiting(position: 4)) = first[1] else {
                Issue.record("\(first)")
                return
            }
            // Asking again is asking once, by whatever way.
            let own = AdmissionRequest(onSale: room.onSale, arrival: arrival, place: place)
            guard case .placed(place, arrival, .waiting) = try await come(room, ["late"])[0],
                case .waiting = try await join(room, own)
            else {
                Issue.record("the place was not found again")
                return
            }
            let view = try await room.view(own)
            #expect(view.state == .waiting && view.number == arrival)
            // What comes back is for all of them, in order, and the one session comes with the place.
            try await sell(room, free: 7)
            #expect(try await room.tick().called == 4)
            guard case .placed(place, arrival, .called) = try await come(room, ["late"])[0] else {
                Issue.record("the turn was not told")
                return
            }
            #expect(try await room.enter(own).session != nil)
            guard case .placed(place, arrival, .inside) = try await come(room, ["late"])[0] else {
                Issue.record("the session was not told")
                return
            }
            _ = try await room.places.leave(room.onSale, arrival: arrival, place: place)
            #expect(try await come(room, ["late"])[0] == .placed(place, arrival: arrival, .left))
        }
    }

    @Test func `Gateways that give the same buyers places agree`() async throws {
        try await withSoldOut { room, _ in
            let names = (0..<40).map { "late \($0)" }
            let all = try await withThrowingTaskGroup(of: [WaitlistJoinOutcome].self) { group in
                for gateway in 0..<3 {
                    group.addTask {
                        let own = gateway.isMultiple(of: 2) ? names : names.reversed()
                        let outcomes = try await come(room, own)
                        return gateway.isMultiple(of: 2) ? outcomes : outcomes.reversed()
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for outcomes in all { #expect(outcomes == all[0]) }
            let arrivals = all[0].compactMap { outcome -> Int64? in
                if case .placed(_, let arrival, .waiting) = outcome { arrival } else { nil }
            }
            #expect(arrivals.sorted() == Array(7...46))
        }
    }

    @Test func `A place on the waitlist is given to whom a join would give one`() async throws {
        let fields = [
            "active_limit": "2", "groups": #"[{"id": "fans", "priority": 1}]"#, "invitation_only": "true",
        ]
        try await RoomFixture.with(fields) { room in
            let presale = Presale(postgres: room.postgres)
            let codes = try await presale.addCodes(2, group: "fans", of: room.onSale, by: "test")
            try await presale.invite(["friend"], group: "fans", of: room.onSale, by: "test")
            let salt = try await room.status().entrySalt
            func request(_ name: String, code: String? = nil) -> JoinRequest {
                JoinRequest(
                    onSale: room.onSale,
                    buyer: Buyer.proven(name).fingerprint(under: salt),
                    code: code.flatMap { PresaleCode.fingerprint(of: $0, under: salt) },
                    hasGroups: true,
                    needsGroup: true
                )
            }
            try await room.open()
            #expect(try await come(room, [request("friend")]) == [.wrongState(.prequeue)])
            _ = try await room.joins.commit([request("a", code: codes[0])])
            try await room.start()
            try await sell(room)
            try await room.tick()
            #expect(try await room.status().state == .soldOut)
            let outcomes = try await come(
                room,
                [
                    request("stranger"), request("b", code: codes[0]),
                    request("c", code: PresaleCode.random()),
                    request("d", code: codes[1]), request("e", code: codes[1]), request("friend"),
                ]
            )
            #expect(outcomes[0] == .refused(.groupRequired))
            #expect(outcomes[1] == .refused(.codeUsed))
            #expect(outcomes[2] == .refused(.unknownCode))
            guard case .placed(_, 2, .waiting(position: 1)) = outcomes[3],
                case .placed(_, 3, .waiting(position: 2)) = outcomes[5]
            else {
                Issue.record("\(outcomes)")
                return
            }
            #expect(outcomes[4] == .refused(.codeUsed), "a code is good for one of two who come at once")
            let unknown = JoinRequest(onSale: OnSaleID(rawValue: 99), buyer: [1])
            #expect(try await come(room, [unknown]) == [.unknownOnSale])
            #expect(try await room.offenders() == [])
        }
    }
}
