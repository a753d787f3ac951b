import Postgres
import TestSupport
import Testing

@testable import BoxOffice

/// Every promise that a client can hold us to is checked, and each check finds its crime.
@Suite("The history checker", .timeLimit(.minutes(2)))
struct SaleHistoryTests {
    private static let one = PlaceID(high: 1, low: 1)
    private static let two = PlaceID(high: 2, low: 2)
    private static let held = ReservationID(rawValue: 7)
    private static let other = ReservationID(rawValue: 8)

    /// Two buyers, of whom one came in and bought while the other waits.
    private static let innocent: [SaleHistory.Answer] = [
        .joined(one, by: "a"), .joined(one, by: "a"), .joined(two, by: "b"),
        .stood(one, number: 1, ahead: 0), .stood(two, number: 2, ahead: 1), .stood(two, number: 2, ahead: 0),
        .admitted(one, token: "t"), .admitted(one, token: "t"), .left(two),
        .held(held, tickets: 2, key: "k"), .held(held, tickets: 2, key: "k"), .sold(held, tickets: 2),
        .held(other, tickets: 1, key: "l"), .released(other),
    ]

    private static var tables: SaleTables {
        var tables = SaleTables()
        tables.places = [
            one: .init(arrival: 2, number: 1, sessions: 1), two: .init(arrival: 1, number: 2, hasLeft: true),
        ]
        tables.reservations = [
            held: .init(tickets: 2, state: .sold), other: .init(tickets: 1, state: .released),
        ]
        tables.serving = 1
        tables.capacity = 2
        return tables
    }

    /// What a crime changes: an answer more, or the tables.
    struct Crime: Sendable, CustomTestStringConvertible {
        let check: String
        var answers: [SaleHistory.Answer] = []
        var change: @Sendable (inout SaleTables) -> Void = { _ in }

        var testDescription: String { check }
    }

    private static let crimes: [Crime] = [
        Crime(check: "the tickets that were told sold fit the house") { $0.capacity = 1 },
        Crime(check: "no reservation was told two endings", answers: [.expired(other)]),
        Crime(check: "what was told to have ended has ended so") { $0.reservations[held]?.state = .expired },
        Crime(check: "a place was given to one buyer", answers: [.joined(one, by: "c")]),
        Crime(check: "a buyer was given one place", answers: [.joined(two, by: "a")]),
        Crime(check: "a place that was given is there") { $0.places[two] = nil },
        Crime(check: "no two places were told one number", answers: [.stood(two, number: 1, ahead: nil)]),
        Crime(check: "a number that was told is the draw's, or the arrival's after it") {
            $0.places[two]?.number = 3
        },
        Crime(check: "nobody moved back", answers: [.stood(two, number: 2, ahead: 1)]),
        Crime(check: "who was let in has a session, and one only") { $0.places[one]?.sessions = 0 },
        Crime(check: "who was let in had been called") { $0.serving = 0 },
        Crime(check: "asking again gave the same session", answers: [.admitted(one, token: "u")]),
        Crime(check: "who was told to have left has left") { $0.places[two]?.hasLeft = false },
        Crime(check: "what was held or sold is there, with its tickets") {
            $0.reservations[held]?.tickets = 1
        },
        Crime(
            check: "one Idempotency-Key got one reservation",
            answers: [.held(other, tickets: 1, key: "k")]
        ),
    ]

    @Test func `A history without fault passes every check`() {
        for check in SaleHistoryCheck.all {
            #expect(check.offenders(SaleHistory(Self.innocent), Self.tables) == [], "\(check.name)")
        }
    }

    @Test func `Every check has its crime`() {
        #expect(Set(SaleHistoryCheck.all.map(\.name)) == Set(Self.crimes.map(\.check)))
        #expect(Set(SaleHistoryCheck.all.map(\.name)).count == SaleHistoryCheck.all.count)
        #expect(Set(SaleHistoryCheck.all.map(\.promise)) == [3, 4, 5, 6, 8])
    }

    @Test(arguments: crimes) func `A crime is found by its check`(crime: Crime) throws {
        var tables = Self.tables
        crime.change(&tables)
        var history = SaleHistory(Self.innocent)
        history.add(SaleHistory(crime.answers))
        let check = try #require(SaleHistoryCheck.all.first { $0.name == crime.check })
        #expect(!check.offenders(history, tables).isEmpty)
    }

    @Test func `What was told of a room that is under way is found in its tables`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            var history = SaleHistory()
            let places = try await room.join((0..<20).map { "\($0)" })
            for (number, place) in places.enumerated() { history.note(.joined(place.place, by: "\(number)")) }
            try await room.start()
            for place in places {
                let number = try #require(try await room.view(place).number)
                history.note(.stood(place.place, number: number, ahead: nil))
            }
            let gone = places[3]
            let left = try await room.places.leave(room.onSale, arrival: gone.arrival, place: gone.place)
            #expect(left)
            history.note(.left(gone.place))
            try await room.tick()
            let first = try #require(try await room.inOrder(places).first { $0.place != gone.place })
            let outcome = try await room.admissions.commit([first])[0]
            guard case .admitted(let session) = outcome else {
                Issue.record("the first in line was not let in: \(outcome)")
                return
            }
            history.note(.admitted(first.place, token: "\(session.id)"))
            for finding in try await faults(history, room) { #expect(finding == "") }

            // A client who was told of a place that is lost, and one who was told of tickets that never were.
            history.note(.joined(.random(), by: "somebody"))
            history.note(.held(ReservationID(rawValue: 4711), tickets: 1, key: "k"))
            history.note(.left(places[4].place))
            #expect(try await faults(history, room).count == 3)
        }
    }

    private func faults(_ history: SaleHistory, _ room: RoomFixture) async throws -> [String] {
        try await SaleHistoryCheck.findings(history, of: room.onSale, in: room.postgres).flatMap(\.lines)
    }
}
