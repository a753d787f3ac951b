import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// What buyers are told of a hold that is about to end.
@Suite(.timeLimit(.minutes(5)))
struct ExpiringHoldTests {
    private static let fields = [
        "active_limit": "10", "session_seconds": "3000", "hold_seconds": "600", "extension_seconds": "300",
    ]

    /// Runs `body` with buyers who are inside, all but the last of whom want to be told.
    private func withBuyers(
        _ count: Int,
        _ fields: [String: String] = [:],
        _ body: (RoomFixture, [AdmissionRequest], [AdmissionID]) async throws -> Void
    ) async throws {
        try await RoomFixture.with(Self.fields.merging(fields) { $1 }) { room in
            try await JobStore(postgres: room.postgres).ensureQueue(Notify.queue)
            try await room.open()
            let places = try await room.join((0..<count).map { "buyer \($0)" })
            let contact = try #require(Contact(channel: .email, address: "a@example.org", locale: "en"))
            let contacts = Contacts(postgres: room.postgres)
            for place in places.dropLast() {
                let isKept = try await contacts.put(
                    contact,
                    onSale: room.onSale,
                    arrival: place.arrival,
                    place: place.place
                )
                #expect(isKept)
            }
            try await room.start()
            try await room.tick()
            var sessions: [AdmissionID] = []
            for place in places { sessions.append(try #require(try await room.enter(place).session).id) }
            try await body(room, places, sessions)
        }
    }

    /// Who has been told, by arrival, after another look.
    private func look(_ room: RoomFixture) async throws -> [Int64] {
        #expect(try await ExpiringHolds.tell(in: room.postgres) == false)
        return try await room.postgres.query(
            Query("test.told", "SELECT arrival FROM notifications WHERE kind = 'expiring' ORDER BY arrival")
        ).map { try $0[0] }
    }

    private func hold(_ office: BoxOfficeAtWork, _ session: AdmissionID) async throws -> Hold {
        try #require(try await office.hold(office.house.request(session.rawValue, 2, of: "floor")))
    }

    @Test func `Who holds is told once, shortly before the end, if they want to be`() async throws {
        try await withBuyers(4) { room, places, sessions in
            let house = House(client: room.postgres)
            let mail = try await withBoxOffice(in: house) { office in
                let idle = try await hold(office, sessions[0])
                let extended = try await hold(office, sessions[1])
                let released = try await hold(office, sessions[2])
                _ = try await hold(office, sessions[3])
                #expect(try await look(room) == [])
                try await room.pass(.seconds(300))
                #expect(try await look(room) == [])
                _ = try await office.reservations.extend(extended.reservation, admission: sessions[1])
                try await office.reservations.release(released.reservation, admission: sessions[2])
                try await room.pass(.seconds(200))
                for _ in 0..<3 { #expect(try await look(room) == [places[0].arrival]) }
                // Told, and then made longer: they know.
                _ = try await office.reservations.extend(idle.reservation, admission: sessions[0])
                try await room.pass(.seconds(300))
                for _ in 0..<3 {
                    #expect(try await look(room) == [places[0].arrival, places[1].arrival])
                }
                try await office.eventually("the messages are settled") {
                    try await office.house.count(
                        "SELECT count(*) FROM notifications WHERE kind = 'expiring' AND state = 'pending'"
                    ) == 0
                }
                return office.mail.delivered.filter { $0.kind == "expiring" }
            }
            // The first may have been made longer before it was on its way.
            let second = try #require(mail.first { $0.route?.arrival == places[1].arrival })
            #expect(second.route?.subject == "Your hold is about to end: {title}")
            #expect(
                [1, 2].contains(second.route?.numbers["minutes"]) && second.route?.numbers["quantity"] == 2
            )
            #expect(Set(mail.map(\.id)).count == mail.count)
        }
    }

    @Test func `What is paid for, given back or made longer is not told of any more`() async throws {
        try await withBuyers(5) { room, places, sessions in
            // Nobody works on these: no run has to wake for it.
            let house = House(client: room.postgres)
            let holds = try await house.hold(sessions.map { house.request($0.rawValue, 1, of: "floor") })
                .compactMap(\.hold)
            #expect(holds.count == 5)
            try await room.pass(.seconds(500))
            #expect(try await look(room) == places.prefix(4).map(\.arrival))
            let runs = try await house.count(
                "SELECT count(*) FROM jobs WHERE name = 'notify' AND state = 'ready'"
            )
            #expect(runs == 4)
            let ids = holds.map(\.reservation.rawValue)
            try await room.postgres.simple(
                """
                UPDATE reservations SET state = 'paying' WHERE id = \(ids[1]);
                UPDATE reservations SET expires_at = expires_at + interval '300 s' WHERE id = \(ids[2]);
                UPDATE reservations SET state = 'released' WHERE id = \(ids[3]);
                """
            )
            let batch = holds.prefix(4).enumerated().map { index, hold in
                CohortMember(
                    runID: JobID(rawValue: Int64(index + 1)),
                    step: TakeNotification(dedupeKey: "expiring:\(hold.reservation.publicID)")
                )
            }
            let taken = try await room.postgres.withTransaction { tx in
                try await TakeNotification.perform(batch, in: &tx)
            }
            guard case .deliver = taken[0] else {
                Issue.record("a hold that is about to end was not told of")
                return
            }
            for (index, outcome) in taken.enumerated().dropFirst() {
                guard case .stale = outcome else {
                    Issue.record("\(index) was told of: \(outcome)")
                    continue
                }
            }
            let dropped = try await house.count(
                "SELECT count(*) FROM notifications WHERE state = 'dropped' AND detail LIKE 'paid for%'"
            )
            #expect(dropped == 3)
        }
    }

    @Test func `Of short holds, and of those that are over or just begun, nothing is told`() async throws {
        try await withBuyers(2, ["hold_seconds": "149"]) { room, _, sessions in
            let house = House(client: room.postgres)
            try await house.hold([house.request(sessions[0].rawValue, 1, of: "floor")])
            try await room.pass(.seconds(110))
            #expect(try await look(room) == [])
        }
        // A third of it is 60 seconds.
        try await withBuyers(2, ["hold_seconds": "180"]) { room, places, sessions in
            let house = House(client: room.postgres)
            try await house.hold([house.request(sessions[0].rawValue, 1, of: "floor")])
            try await room.pass(.seconds(80))
            #expect(try await look(room) == [])
            try await room.pass(.seconds(180))
            #expect(try await look(room) == [], "it is over")
            try await house.hold([house.request(sessions[0].rawValue, 1, of: "floor")])
            try await room.pass(.seconds(130))
            // What is held when the on-sale closes can still be paid for.
            try await room.postgres.simple("UPDATE on_sales SET state = 'closed'")
            #expect(try await look(room) == [places[0].arrival])
        }
    }
}
