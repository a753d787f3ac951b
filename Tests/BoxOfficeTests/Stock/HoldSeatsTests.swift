import Postgres
import Reactor
import TestSupport
import Testing

@testable import BoxOffice

@Suite("Holding tickets on a real database", .timeLimit(.minutes(5)))
struct HoldSeatsTests {
    /// All at once, each batch in a transaction of its own.
    private func stampede(_ house: House, _ batches: [[HoldRequest]]) async throws -> [HoldOutcome] {
        try await withThrowingTaskGroup(of: [HoldOutcome].self) { group in
            for batch in batches { group.addTask { try await house.hold(batch) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    @Test func `A stampede for the last units sells each of them once`() async throws {
        try await withHouse(standing: 70, buyers: 120) { house in
            let batches = (0..<24).map { batch in
                (0..<5).map { house.request(Int64(batch * 5 + $0 + 1), 1 + $0 % 3) }
            }
            let outcomes = try await stampede(house, batches)
            let held = outcomes.compactMap(\.hold).reduce(0) { $0 + $1.quantity }
            let tier = try #require(try await house.tier("floor"))
            #expect(held == tier.held && tier.held + tier.free == 70)
            #expect(tier.free == 0, "there were requests for one ticket until the end")
            for case .soldOut(let left) in outcomes { #expect(left < 3) }
            #expect(outcomes.allSatisfy { if case .soldOut = $0 { true } else { $0.hold != nil } })
            #expect(try await house.count("SELECT coalesce(sum(quantity), 0) FROM reservations") == 70)
        }
    }

    @Test func `A stampede for numbered seats gives no seat twice and leaves none behind`() async throws {
        try await withHouse(rows: [20, 20, 20], buyers: 120) { house in
            let batches = (0..<20).map { batch in
                (0..<6).map { house.request(Int64(batch * 6 + $0 + 1), 1 + $0 % 2, of: "seated") }
            }
            var outcomes = try await stampede(house, batches)
            // Who met others picking the same seats asks again, as the answer says.
            let again = zip(batches.joined(), outcomes).filter { $1 == .contended }.map(\.0)
            for request in again { outcomes += try await house.hold([request]) }
            for buyer in 1...120 {
                outcomes += try await house.hold([house.request(Int64(buyer), 1, of: "seated")])
            }
            let seats = outcomes.compactMap(\.hold).flatMap(\.seats)
            #expect(seats.count == 60 && Set(seats).count == 60)
            let tier = try #require(try await house.tier("seated"))
            #expect(tier.free == 0 && tier.held == 60)
            #expect(try await house.count("SELECT count(*) FROM seats WHERE state = 'held'") == 60)
        }
    }

    @Test func `Parties sit together, and the batch's first gets the best`() async throws {
        try await withHouse(rows: [10, 10]) { house in
            let outcomes = try await house.hold([
                house.request(1, 2, of: "seated"), house.request(2, 4, of: "seated"),
                house.request(3, 4, of: "seated"),
            ])
            #expect(outcomes[0].hold?.seats == ["S-R0-5", "S-R0-6"])
            #expect(outcomes[1].hold?.seats == ["S-R0-1", "S-R0-2", "S-R0-3", "S-R0-4"])
            #expect(outcomes[2].hold?.seats == ["S-R0-7", "S-R0-8", "S-R0-9", "S-R0-10"])
            let listing = try await Stock.seats(of: House.onSale, from: house.client)
            #expect(
                listing.map(\.rows) == [
                    [
                        .init(label: "R0", numbers: Array(1...10), states: "hhhhhhhhhh"),
                        .init(label: "R1", numbers: Array(1...10), states: "ffffffffff"),
                    ]
                ]
            )
        }
    }

    @Test func `The plan's focus is where the best seats are`() async throws {
        try await withHouse(rows: [10, 10, 10], seats: { $0.focus = .init(row: "R1", seat: 3) }) { house in
            let outcomes = try await house.hold([
                house.request(1, 1, of: "seated"), house.request(2, 2, of: "seated"),
            ])
            #expect(outcomes[0].hold?.seats == ["S-R1-3"])
            #expect(outcomes[1].hold?.seats == ["S-R1-1", "S-R1-2"])
            #expect(outcomes.map { $0.hold?.together } == [.adjacent, .adjacent])
        }
    }

    @Test func `A party that would not be split is refused with nothing held, and so again under its key`()
        async throws
    {
        try await withHouse(rows: [3, 3]) { house in
            let first = try await house.hold([house.request(1, seats: ["S-R0-2", "S-R1-2"])])
            let gap = try #require(first[0].hold)
            #expect(gap.together == nil, "named seats are as the buyer would have them")
            let refused = try await house.hold([
                house.request(2, 2, of: "seated", together: .adjacent, key: "k"),
                house.request(3, 3, of: "seated", together: .rows),
                house.request(4, 2, of: "seated", together: .row),
            ])
            #expect(refused[0] == .notTogether(.row))
            #expect(refused[1] == .notTogether(.section))
            #expect(refused[2].hold?.seats == ["S-R0-1", "S-R0-3"])
            #expect(refused[2].hold?.together == .row)
            #expect(try await house.tier("seated")?.held == 4)
            _ = try await house.client.withTransaction { tx in
                let row = try await ReservationBook.lock([gap.reservation.rawValue], in: &tx)
                let change = try #require(row[gap.reservation.rawValue])
                try await ReservationBook.commit(ReservationBook.Change(change, to: .released), in: &tx)
            }
            let again = try await house.hold([
                house.request(2, 2, of: "seated", together: .adjacent, key: "k"),
                house.request(2, 2, of: "seated", together: .adjacent, key: "l"),
            ])
            #expect(again[0] == .notTogether(.row), "another try needs another key")
            #expect(again[1].hold?.together == .adjacent)
        }
    }

    @Test func `Accessible seats go with companions beside them, or the refusal says how many are left`()
        async throws
    {
        func marked(_ section: inout Plan.Section) {
            guard case .seated(var rows) = section.room else { return }
            for index in 0..<2 { rows[0].seats[index].accessible = true }
            section.room = .seated(rows)
        }
        try await withHouse(rows: [5, 5], seats: marked) { house in
            let outcomes = try await house.hold([
                house.request(1, 2, of: "seated"), house.request(2, 3, of: "seated", accessible: 1),
                house.request(3, 3, of: "seated", accessible: 2),
                house.request(4, 2, of: "seated", accessible: 1, together: .adjacent),
                house.request(5, 1, of: "seated", accessible: 1, key: "k"),
                house.request(6, 1, of: "seated", accessible: 1),
                house.request(7, 1, accessible: 1),
            ])
            #expect(outcomes[0].hold?.seats == ["S-R0-4", "S-R0-5"])
            #expect(outcomes[1].hold?.seats == ["S-R0-2", "S-R0-3", "S-R1-2"])
            #expect(outcomes[1].hold?.together == .section)
            #expect(outcomes[2] == .noAccessibleSeats(left: 1))
            #expect(outcomes[3] == .notTogether(.section))
            #expect(outcomes[4].hold?.seats == ["S-R0-1"])
            #expect(outcomes[5] == .noAccessibleSeats(left: 0))
            #expect(outcomes[6] == .standing(tier: "floor", fields: ["accessible"]))
            #expect(try await house.count("SELECT count(*) FROM seats WHERE state = 'held'") == 6)
            let listing = try await Stock.seats(of: House.onSale, from: house.client)
            #expect(listing.first?.rows.map(\.accessible) == [[1, 2], []])
        }
    }

    @Test func `Seats that others are taking are no reason to say that there are none together`()
        async throws
    {
        try await withHouse(rows: [2]) { house in
            try await house.client.withTransaction { other in
                _ = try await other.query(
                    Query("test.lock", "SELECT seat FROM seats WHERE label = 'S-R0-1' FOR NO KEY UPDATE")
                )
                let outcomes = try await house.hold([
                    house.request(1, 2, of: "seated", together: .adjacent, key: "k")
                ])
                #expect(outcomes == [.contended])
            }
            let later = try await house.hold([
                house.request(1, 2, of: "seated", together: .adjacent, key: "k")
            ])
            #expect(later[0].hold?.seats == ["S-R0-1", "S-R0-2"])
        }
    }

    @Test func `Of many who name the same seats one gets both, and the others neither`() async throws {
        try await withHouse(rows: [10]) { house in
            let outcomes = try await stampede(
                house,
                (1...16).map { [house.request($0, seats: ["S-R0-3", "S-R0-4"])] }
            )
            #expect(outcomes.compactMap(\.hold).count == 1)
            #expect(outcomes.count { if case .seatsTaken = $0 { true } else { false } } == 15)
            let partly = try await house.hold([house.request(20, seats: ["S-R0-4", "S-R0-5"])])
            #expect(partly == [.seatsTaken(["S-R0-4"])])
            let odd = try await house.hold([
                house.request(21, seats: ["S-R0-99"]), house.request(22, seats: ["S-R0-6", "S-R0-6"]),
                house.request(23, seats: []),
            ])
            #expect(odd == [.unknownChoice, .unknownChoice, .limitExceeded(limit: 4, has: 0)])
            #expect(try await house.tier("seated")?.held == 2)
        }
    }

    @Test func `A buyer who asks from many sides at once stays within the limit`() async throws {
        try await withHouse { house in
            let outcomes = try await stampede(house, (0..<12).map { _ in [house.request(1, 2)] })
            #expect(outcomes.compactMap(\.hold).count == 2)
            #expect(outcomes.count { $0 == .limitExceeded(limit: 4, has: 4) } == 10)
            #expect(try await house.tier("floor")?.held == 4)
        }
    }

    @Test func `The same key holds once, however often and from wherever it comes`() async throws {
        try await withHouse { house in
            let batches = (0..<8).map { _ in [house.request(1, 1, key: "k"), house.request(1, 1, key: "k")] }
            let outcomes = try await stampede(house, batches)
            let held = outcomes.compactMap(\.hold)
            #expect(held.count == 1)
            let hold = try #require(held.first)
            #expect(outcomes.count { $0 == .repeated(hold) } == 15)
            #expect(try await house.hold([house.request(1, 1, key: "k", body: "other")]) == [.keyReused])
            #expect(try await house.tier("floor")?.held == 1)
        }
    }

    @Test func `A refusal stays the answer to its key, and another key tries again`() async throws {
        try await withHouse(standing: 4) { house in
            let first = try await house.hold([house.request(1, 4)])
            let hold = try #require(first[0].hold)
            let refused = try await house.hold([
                house.request(2, 1, key: "k"), house.request(2, 1, key: "k"), house.request(2, 5, key: "l"),
            ])
            let limit = HoldOutcome.limitExceeded(limit: 4, has: 0)
            #expect(refused == [.soldOut(left: 0), .soldOut(left: 0), limit])
            _ = try await house.client.withTransaction { tx in
                let row = try await ReservationBook.lock([hold.reservation.rawValue], in: &tx)
                let change = try #require(row[hold.reservation.rawValue])
                try await ReservationBook.commit(ReservationBook.Change(change, to: .released), in: &tx)
            }
            let again = try await house.hold([
                house.request(2, 1, key: "k"), house.request(2, 5, key: "l"),
                house.request(2, 1, key: "k", body: "other"), house.request(3, 1, key: "k"),
            ])
            #expect(again.prefix(3) == [.soldOut(left: 0), limit, .keyReused])
            #expect(again[3].hold != nil, "the key of another session is another key")
            let fresh = try await house.hold([house.request(2, 1, key: "m")])
            #expect(fresh[0].hold != nil)
            #expect(try await house.count("SELECT count(*) FROM idempotency_keys") == 4)
        }
    }

    @Test func `A session that has ended holds nothing`() async throws {
        try await withHouse { house in
            _ = try await house.client.execute(
                Query(
                    "test.end",
                    "UPDATE admissions SET ended_at = usher_now(), end_reason = 'left' WHERE admission_id = 1"
                )
            )
            let outcomes = try await house.hold([house.request(1), house.request(2)])
            #expect(outcomes[0] == .sessionOver && outcomes[1].hold != nil)
        }
    }
}
