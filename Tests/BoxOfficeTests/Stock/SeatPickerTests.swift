import Testing

@testable import BoxOffice

@Suite("Picking seats", .timeLimit(.minutes(5)))
struct SeatPickerTests {
    /// A section of full rows; seat numbers are `row * 100 + position`.
    private func hall(rows: Int, seats: Int, section: Int = 0) -> [SeatRow] {
        (0..<rows).map { row in
            SeatRow(
                section: section,
                row: row,
                middle: 1 + seats,
                free: (1...seats).map { SeatRow.Place(position: $0, seat: section * 10_000 + row * 100 + $0) }
            )
        }
    }

    private func row(_ positions: [Int], span: ClosedRange<Int>) -> SeatRow {
        SeatRow(
            section: 0,
            row: 0,
            middle: span.lowerBound + span.upperBound,
            free: positions.map { SeatRow.Place(position: $0, seat: $0) }
        )
    }

    @Test func `The middle of the front row goes first`() {
        var picker = SeatPicker(hall(rows: 3, seats: 10))
        #expect(picker.pick(2) == [5, 6])
        #expect(picker.remaining == 28)
    }

    @Test func `No single seat is left beside a pick while it can be helped`() {
        // Free: 1 2 3 and 6 7. Two seats out of three would leave one alone.
        var picker = SeatPicker([row([1, 2, 3, 6, 7], span: 1...7)])
        #expect(picker.pick(2) == [6, 7])
        #expect(picker.pick(3) == [1, 2, 3])
    }

    @Test func `Together with an orphan is better than apart`() {
        var picker = SeatPicker([row([1, 2, 3, 5], span: 1...5)])
        guard case .seats(let seats, let together) = picker.pick(.init(size: 2)) else {
            Issue.record("there are seats")
            return
        }
        #expect(seats == [2, 3] || seats == [1, 2])
        #expect(together == .adjacent)
    }

    @Test func `An aisle parts a row`() {
        // Seats 1-2, then 5-6: an aisle between.
        var picker = SeatPicker([row([1, 2, 5, 6], span: 1...6)])
        let pick = picker.pick(3)
        #expect(pick?.count == 3, "three do not fit together, so they are split")
        #expect(picker.remaining == 1)
    }

    @Test func `A party that must be split stays in one section`() {
        var first = hall(rows: 1, seats: 9)[0]
        first.free = first.free.filter { $0.position % 2 == 1 && $0.position < 6 }
        var second = hall(rows: 1, seats: 9, section: 1)[0]
        second.free = second.free.filter { $0.position % 2 == 1 }
        var picker = SeatPicker([first, second])
        #expect(picker.pick(4)?.allSatisfy { $0 > 10_000 } == true)
        #expect(picker.pick(4) == [1, 3, 5, 10_009], "what is left of both sections")
        #expect(picker.pick(1) == nil)
    }

    @Test func `Seats that some need are kept until the end`() {
        var front = hall(rows: 1, seats: 4)[0]
        for index in front.free.indices { front.free[index].accessible = true }
        var rest = hall(rows: 1, seats: 4, section: 1)[0]
        rest.free.removeLast(2)
        var picker = SeatPicker([front, rest])
        #expect(picker.pick(2) == [10_001, 10_002])
        #expect(picker.pick(2)?.allSatisfy { $0 < 10_000 } == true)
    }

    @Test func `What others took is not picked`() {
        var picker = SeatPicker(hall(rows: 1, seats: 6))
        picker.remove([3, 4])
        #expect(picker.remaining == 4)
        #expect(picker.pick(2) == [1, 2] || picker.remaining == 2)
        #expect(picker.pick(3) == nil)
    }

    @Test(arguments: 0..<40) func `A house sells out to the last seat, none twice`(round: UInt64) throws {
        let seed = UInt64.random(in: 0...UInt64.max) &+ round
        print("seat picker seed \(seed)")
        var dice = SplitMix(state: seed)
        let sections = Int.random(in: 1...3, using: &dice)
        let rows = (0..<sections).flatMap { section in
            hall(
                rows: Int.random(in: 1...6, using: &dice),
                seats: Int.random(in: 1...24, using: &dice),
                section: section
            )
        }
        let all = Set(rows.flatMap { $0.free.map(\.seat) })
        var picker = SeatPicker(rows.shuffled(using: &dice))
        var sold: Set<Int> = []
        while picker.remaining > 0 {
            let quantity = Int.random(in: 1...8, using: &dice)
            guard let pick = picker.pick(quantity) else {
                #expect(quantity > picker.remaining, "seed \(seed)")
                continue
            }
            #expect(pick.count == quantity, "seed \(seed)")
            #expect(pick == pick.sorted() && Set(pick).count == quantity, "seed \(seed)")
            #expect(sold.isDisjoint(with: pick) && all.isSuperset(of: pick), "seed \(seed)")
            sold.formUnion(pick)
            #expect(sold.count + picker.remaining == all.count, "seed \(seed)")
        }
        #expect(sold == all, "seed \(seed)")
    }

    @Test(arguments: 0..<20)
    func `Parties that fit together sit together, and leave no orphan if that can be`(round: UInt64) {
        let seed = UInt64.random(in: 0...UInt64.max) &+ round
        print("seat picker seed \(seed)")
        var dice = SplitMix(state: seed)
        var rows = hall(rows: 6, seats: 20)
        for index in rows.indices {
            rows[index].free.removeAll { _ in Int.random(in: 0..<4, using: &dice) == 0 }
        }
        var picker = SeatPicker(rows)
        for quantity in [2, 3, 4, 2, 3, 4, 2, 2] {
            let runs = rows.flatMap { row in row.runs().map { row.free[$0].map(\.seat) } }
            let fits = runs.contains { $0.count >= quantity }
            let clean = runs.contains { $0.count == quantity || $0.count >= quantity + 2 }
            guard let pick = picker.pick(quantity) else { continue }
            let run = runs.first { $0.contains(pick[0]) } ?? []
            let together = pick.allSatisfy(run.contains) && pick.last == pick[0] + quantity - 1
            #expect(together == fits, "seed \(seed)")
            if clean, let first = run.firstIndex(of: pick[0]) {
                #expect(first != 1 && run.count - first - quantity != 1, "seed \(seed): \(pick) of \(run)")
            }
            for index in rows.indices { rows[index].free.removeAll { pick.contains($0.seat) } }
        }
    }
}

extension SeatPicker {
    /// Seats for a party that takes what it gets; nil when there are too few.
    mutating func pick(_ size: Int) -> [Int]? {
        if case .seats(let seats, _) = pick(Party(size: size)) { seats } else { nil }
    }
}

/// Chance that a printed seed repeats.
///
/// Source: SplitMix64.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
