@testable import BoxOffice
import Postgres
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(5)))
struct AdmissionTests {
    @Test func `nobody comes in before being called, and whoever is called does`() async throws {
        try await RoomFixture.with(["active_limit": "10"]) { room in
            try await room.open()
            let joined = try await room.join((0..<30).map { "buyer \($0)" })
            #expect(try await room.enter(joined[0]) == .notYet)
            #expect(try await room.view(joined[0]).state == .prequeue)
            try await room.start()
            let line = try await room.inOrder(joined)
            #expect(try await room.view(line[0]).state == .waiting)
            let report = try await room.tick()
            #expect(report.called == 10)
            #expect(try await room.view(line[9]).state == .called)
            #expect(try await room.view(line[9]).turnExpiresAt != nil)
            #expect(try await room.view(line[10]).state == .waiting)
            #expect(try await room.enter(line[10]) == .notYet)
            let session = try #require(try await room.enter(line[9]).session)
            #expect(try await room.view(line[9]).state == .admitted)
            #expect(try await room.view(line[9]).number == 10)
            #expect(session.expiresAt - session.admittedAt == .seconds(40))
            #expect(try await room.status().serving == 10)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `asking again and again at once gives the same session`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let joined = try await room.join(["a", "b"])
            try await room.start()
            try await room.tick()
            let outcomes = try await withThrowingTaskGroup(of: [AdmissionOutcome].self) { group in
                for _ in 0..<12 {
                    group.addTask { try await room.admissions.commit([joined[0], joined[0], joined[1]]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(outcomes.map { $0[0].session?.id }).count == 1)
            #expect(Set(outcomes.map { $0[1].session?.id }).count == 1)
            #expect(outcomes.allSatisfy { $0[0] == $0[1] && $0[2].session != nil })
            #expect(outcomes.first?[0].session?.id != outcomes.first?[2].session?.id)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `another's place id opens nothing`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let joined = try await room.join(["a", "b"])
            try await room.start()
            try await room.tick()
            let crossed = AdmissionRequest(
                onSale: room.onSale,
                arrival: joined[0].arrival,
                place: joined[1].place
            )
            #expect(try await room.enter(crossed) == .unknownPlace)
            #expect(
                try await room.places.view(room.onSale, arrival: 1, place: joined[1].place) == nil
                    || joined[1].arrival == 1
            )
            let elsewhere = AdmissionRequest(
                onSale: OnSaleID(rawValue: 999),
                arrival: 1,
                place: joined[0].place
            )
            #expect(try await room.enter(elsewhere) == .unknownPlace)
        }
    }

    @Test func `the limit holds, and whoever meets it keeps the turn`() async throws {
        try await RoomFixture.with(["active_limit": "3", "turn_seconds": "60"]) { room in
            try await room.open()
            let joined = try await room.join((0..<9).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            #expect(try await room.tick().called == 3)
            #expect(try await room.status().serving == 3)
            // Six more are called than there is room for, as if the limit had been lowered.
            try await room.postgres.execute(Query("test.limit", "UPDATE on_sales SET active_limit = 9"))
            #expect(try await room.tick().called == 6)
            try await room.postgres.execute(Query("test.limit", "UPDATE on_sales SET active_limit = 3"))
            let outcomes = try await withThrowingTaskGroup(of: AdmissionOutcome.self) { group in
                for place in line { group.addTask { try await room.enter(place) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0.session != nil } == 3)
            #expect(outcomes.count { $0 == .full } == 6)
            try await room.tick(through: 45)
            var later: [AdmissionOutcome] = []
            for place in line { later.append(try await room.enter(place)) }
            #expect(later.count { $0 == .done } == 3)
            #expect(later.count { $0.session != nil } == 3)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `a turn stands still while the room is full`() async throws {
        try await RoomFixture.with(["active_limit": "2", "session_seconds": "300"]) { room in
            try await room.open()
            let joined = try await room.join((0..<5).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            #expect(try await room.tick().called == 2)
            try await room.postgres.execute(Query("test.limit", "UPDATE on_sales SET active_limit = 1"))
            #expect(try await room.enter(line[0]).session != nil)
            #expect(try await room.enter(line[1]) == .full)
            try await room.tick(through: 60)
            #expect(try await room.enter(line[1]) == .full)
            #expect(try await room.onSales.find(room.onSale).noShow == 0)
            _ = try await room.places.leave(room.onSale, arrival: line[0].arrival, place: line[0].place)
            #expect(try await room.tick().called == 0)
            #expect(try await room.enter(line[1]).session != nil)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `a missed turn is over, and its slot comes back`() async throws {
        try await RoomFixture.with(["active_limit": "4", "reoffer_limit": "0"]) { room in
            try await room.open()
            let joined = try await room.join((0..<8).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            #expect(try await room.tick().called == 4)
            #expect(try await room.tick().called == 0)
            #expect(try await room.status().state == .admitting)
            try await room.tick(through: 25)
            #expect(try await room.enter(line[0]) == .missed)
            #expect(try await room.view(line[0]).state == .missed)
            #expect(try await room.view(line[4]).state == .called)
            #expect(try await room.onSales.find(room.onSale).noShow > 0)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `those who left are passed over, and leaving is final`() async throws {
        try await RoomFixture.with(["active_limit": "2"]) { room in
            try await room.open()
            let joined = try await room.join((0..<8).map { "buyer \($0)" })
            #expect(
                try await room.places.leave(room.onSale, arrival: joined[7].arrival, place: joined[7].place)
            )
            try await room.start()
            let line = try await room.inOrder(joined.dropLast())
            for place in [line[0], line[2]] {
                #expect(try await room.places.leave(room.onSale, arrival: place.arrival, place: place.place))
                #expect(try await room.places.leave(room.onSale, arrival: place.arrival, place: place.place))
            }
            #expect(try await !room.places.leave(room.onSale, arrival: line[1].arrival, place: .random()))
            #expect(try await room.tick().called == 2)
            #expect(try await room.view(line[0]).state == .left)
            #expect(try await room.enter(line[0]) == .left)
            #expect(try await room.enter(line[1]).session != nil)
            #expect(try await room.view(line[3]).state == .called)
            // One who leaves after the call gives the slot back at once; so does one who is inside.
            _ = try await room.places.leave(room.onSale, arrival: line[3].arrival, place: line[3].place)
            _ = try await room.places.leave(room.onSale, arrival: line[1].arrival, place: line[1].place)
            #expect(try await room.tick().called == 2)
            #expect(try await room.view(line[1]).state == .left)
            #expect(try await room.view(joined[7]).state == .left)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `a pause stops the calls and makes turns and sessions longer`() async throws {
        try await RoomFixture.with(["active_limit": "4"]) { room in
            try await room.open()
            let joined = try await room.join((0..<8).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            try await room.tick()
            let session = try #require(try await room.enter(line[0]).session)
            let turn = try #require(try await room.view(line[1]).turnExpiresAt)
            try await room.onSales.pause(room.onSale, by: "test", reason: "sound check")
            await #expect(throws: OnSaleProblem.alreadyPaused) {
                try await room.onSales.pause(room.onSale, by: "test", reason: nil)
            }
            #expect(try await room.status().publishedState == "paused")
            try await room.tick(through: 100)
            #expect(try await room.status().serving == 4)
            #expect(try await room.enter(line[1]).session != nil)
            try await room.onSales.resume(room.onSale, by: "test")
            #expect(try #require(try await room.view(line[2]).turnExpiresAt) >= turn + .seconds(100))
            let extended = try #require(try await room.enter(line[0]).session)
            #expect(extended.id == session.id)
            #expect(extended.expiresAt >= session.expiresAt + .seconds(100))
            #expect(try await room.tick().called == 0)
            await #expect(throws: OnSaleProblem.notPaused) {
                try await room.onSales.resume(room.onSale, by: "test")
            }
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `an outage makes turns longer`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let joined = try await room.join(["a"])
            try await room.start()
            try await room.tick()
            try await room.tick(after: 600)
            #expect(try await room.enter(joined[0]).session != nil)
        }
    }

    @Test func `a session ends when its time is up, unless a reservation of it is under way`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let joined = try await room.join(["a", "b", "c"])
            try await room.start()
            try await room.tick()
            var sessions: [AdmissionSession] = []
            for place in joined { sessions.append(try #require(try await room.enter(place).session)) }
            try await room.reserve(sessions[1], state: "held", quantity: 2)
            try await room.reserve(sessions[2], state: "sold", quantity: 2)
            try await room.tick()
            #expect(try await room.enter(joined[2]) == .done)
            #expect(try await room.view(joined[2]).admission?.endReason == "bought")
            try await room.tick(through: 45)
            #expect(try await room.enter(joined[0]) == .done)
            #expect(try await room.view(joined[0]).admission?.endReason == "expired")
            #expect(try await room.enter(joined[1]).session?.id == sessions[1].id)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `when everything is sold the room says so and empties`() async throws {
        try await RoomFixture.with(["active_limit": "2"]) { room in
            try await room.open()
            let joined = try await room.join(["a", "b", "c"])
            try await room.start()
            let line = try await room.inOrder(joined)
            try await room.tick()
            _ = try #require(try await room.enter(line[0]).session)
            try await room.postgres.execute(
                Query("test.sell", "UPDATE tiers SET free = 0, held = 1, sold = capacity - 1")
            )
            #expect(try await room.tick().called == 0)
            #expect(try await room.status().state == .admitting)
            try await room.postgres.execute(Query("test.sell", "UPDATE tiers SET held = 0, sold = capacity"))
            #expect(try await !room.tick().isLast)
            #expect(try await room.status().publishedState == "sold_out")
            #expect(try await room.tick().nap?.number == 1)
            #expect(try await room.enter(line[0]) == .done)
            #expect(try await room.view(line[2]).state == .done)
            #expect(try await room.joins.commit([room.request("d")]) == [.soldOut])
            #expect(try await room.status().tiers.map(\.free) == [0, 0])
            try await room.pass(.seconds(7200))
            #expect(try await room.advance().state == .closed)
            #expect(try await room.tick().isLast)
        }
    }

    @Test func `the audit notices an admission above serving and a second session`() async throws {
        let crimes: [SQL] = [
            """
            INSERT INTO admissions (on_sale_id, arrival, number, admitted_at, expires_at)
            SELECT on_sale_id, 4, 999, usher_now(), usher_now() FROM on_sales
            """,
            "UPDATE admissions SET number = number + 1",
            "UPDATE places SET admitted_at = NULL",
            "UPDATE turns SET called_at = called_at + interval '1 hour'",
            "DELETE FROM turns",
        ]
        for (index, crime) in crimes.enumerated() {
            try await RoomFixture.with { room in
                try await room.open()
                let joined = try await room.join(["a", "b", "c"])
                try await room.start()
                try await room.tick()
                _ = try await room.admissions.commit(Array(joined.prefix(2)))
                #expect(try await room.offenders() == [])
                try await room.postgres.execute(Query("test.crime", crime))
                #expect(try await room.offenders() != [], "crime \(index) went unnoticed")
            }
        }
    }
}

extension RoomFixture {
    /// Puts down a reservation without going through the stock.
    func reserve(_ session: AdmissionSession, state: String, quantity: Int) async throws {
        try await postgres.execute(
            Query(
                "test.reserve",
                """
                INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                    expires_at, hold_ends_at, held_at)
                VALUES (\(session.id.rawValue), \(onSale.rawValue), \(session.id.rawValue), 'floor', \(quantity), '{}',
                    6000, 'EUR', \(state), usher_now() + interval '1 hour', usher_now(), usher_now())
                """
            )
        )
    }
}
