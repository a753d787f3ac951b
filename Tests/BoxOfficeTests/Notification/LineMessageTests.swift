import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// What those in a line are told while it moves, or doesn't.
@Suite(.timeLimit(.minutes(5)))
struct LineMessageTests {
    private func contact(_ room: RoomFixture, _ places: [AdmissionRequest]) async throws {
        let contact = try #require(Contact(channel: .email, address: "a@example.org", locale: "en"))
        for place in places {
            let isKept = try await Contacts(postgres: room.postgres).put(
                contact,
                onSale: room.onSale,
                arrival: place.arrival,
                place: place.place
            )
            #expect(isKept)
        }
    }

    /// The arrivals that were told, in their order, each with what it was told.
    private func told(_ kind: String, _ room: RoomFixture) async throws -> [(arrival: Int64, payload: String)]
    {
        try await room.postgres.query(
            Query(
                "test.told",
                "SELECT arrival, payload::text FROM notifications WHERE kind = \(kind) ORDER BY id"
            )
        ).map { (try $0[0], try $0[1]) }
    }

    @Test func `Who missed the turn is told until when another is possible, as long as one is`() async throws
    {
        let fields = ["active_limit": "4", "session_seconds": "600", "reoffer_limit": "2"]
        try await RoomFixture.with(fields) { room in
            try await room.open()
            let joined = try await room.join((0..<4).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            try await contact(room, Array(line[0..<3]))
            #expect(try await room.tick().called == 4)
            // One comes, one leaves, and two do not come, of whom one does not want to be told.
            #expect(try await room.enter(line[1]).session != nil)
            _ = try await room.places.leave(room.onSale, arrival: line[2].arrival, place: line[2].place)
            let turn = try #require(try await room.view(line[0]).turnExpiresAt)
            var notices: [String] = []
            func missTurn() async throws {
                for _ in 0..<5 { notices += try await room.tick(after: 5).notices ?? [] }
            }
            try await missTurn()
            var missed = try await told("missed", room)
            #expect(missed.map(\.arrival) == [line[0].arrival])
            let until = String("\(turn + .seconds(600))".prefix(16)).replacing("T", with: " ") + " UTC"
            #expect(missed[0].payload == #"{"until": "\#(until)", "number": 1}"#)
            #expect(notices.count { $0.hasPrefix("missed:") } == 1)
            // Another turn is let pass, and one more; after that there is none.
            for count in [2, 2] {
                #expect(try await room.enter(line[0]) == .notYet)
                #expect(try await room.tick().called == 1)
                try await missTurn()
                missed = try await told("missed", room)
                #expect(missed.count == count)
            }
            #expect(try await room.enter(line[0]) == .missed)
            #expect(try await told("turn", room).count == 5)
        }
    }

    @Test func `Whoever is minutes away is told once, by number and pace`() async throws {
        // Six a minute, and tickets for all.
        let fields = ["rate_per_minute": "6", "turn_seconds": "2", "reoffer_limit": "0"]
        try await RoomFixture.with(fields) { room in
            try await room.open()
            let joined = try await room.join((0..<100).map { "buyer \($0)" })
            try await room.start()
            let line = try await room.inOrder(joined)
            let (soon, near, far) = (line[3], line[29], line[79])
            try await contact(room, [soon, near, far])
            let first = try await room.tick()
            #expect(first.notices?.count { $0.hasPrefix("nearly:") } == 1)
            let nearly = try await told("nearly", room)
            #expect(nearly.map(\.arrival) == [near.arrival])
            #expect(nearly[0].payload == #"{"number": 30, "minutes": 5}"#, "\(nearly)")
            // The line moves on: the far one is told when it is near, and nobody twice.
            for _ in 0..<300 where try await told("nearly", room).count < 2 { try await room.tick(after: 2) }
            try await room.tick(through: 30)
            #expect(try await told("nearly", room).map(\.arrival) == [near.arrival, far.arrival])
            let stale = try await room.postgres.query(
                Query("test.stale", "SELECT FROM notifications WHERE kind = 'nearly' AND not_after IS NULL")
            )
            #expect(stale.isEmpty)
        }
    }

    @Test func `A long pause is told once, and no more when it is over`() async throws {
        try await RoomFixture.with(["active_limit": "2"]) { room in
            try await room.open()
            let joined = try await room.join(["a", "b", "c"])
            try await room.start()
            try await contact(room, joined)
            try await room.tick()
            func pause(_ seconds: Int) async throws -> [TellEveryone.Input] {
                try await room.onSales.pause(room.onSale, by: "test", reason: "rain")
                var tellings: [TellEveryone.Input] = []
                for _ in 0..<seconds / 5 {
                    if let telling = try await room.tick(after: 5).telling { tellings.append(telling) }
                }
                return tellings
            }
            #expect(try await pause(300).isEmpty)
            try await room.onSales.resume(room.onSale, by: "test")
            try await room.tick()
            let tellings = try await pause(700)
            #expect(tellings.count == 1 && tellings.first?.kind == .paused)
            let telling = try #require(tellings.first)
            func write() async throws -> [String] {
                try await room.postgres.withTransaction { tx in
                    try await TellEveryone.write(telling, room.orders, in: tx).notices
                }
            }
            let notices = try await write()
            #expect(notices.count == 3)
            #expect(try await write().isEmpty)
            func take(_ key: String) async throws -> TakeNotification.Taken? {
                let member = CohortMember(runID: JobID(rawValue: 1), step: TakeNotification(dedupeKey: key))
                return try await room.postgres.withTransaction { tx in
                    try await TakeNotification.perform([member], in: &tx).first
                }
            }
            guard case .deliver(let message) = try await take(notices[0]) else {
                Issue.record("it was not delivered")
                return
            }
            #expect(message.route?.subject == "Paused: {title}")
            try await room.onSales.resume(room.onSale, by: "test")
            guard case .stale = try await take(notices[1]) else {
                Issue.record("it was delivered after the pause")
                return
            }
        }
    }
}
