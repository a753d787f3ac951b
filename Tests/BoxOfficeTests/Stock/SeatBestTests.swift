import TestSupport
import Testing

@testable import BoxOffice

/// What ``SeatPicker`` gives, held against every set of seats that it could have given.
///
/// `USHER_TEST_SEED` repeats a run.
@Suite("The best seats there are", .timeLimit(.minutes(5)))
struct SeatBestTests {
    @Test(arguments: 0..<300) func `No set of seats would be better than the one that is given`(round: Int) {
        let seed = testSetting("USHER_TEST_SEED") ?? .random(in: 0...999_999)
        print("seed \(seed), round \(round)")
        var dice = TestDice(seed: seed, stream: round)
        var rows = hall(&dice)
        let all = Set(rows.flatMap { $0.free.map(\.seat) })
        var picker = SeatPicker(rows)
        var given: Set<Int> = []
        for turn in 0..<8 {
            let size = Int.random(in: 1...4, using: &dice)
            let needs = Int.random(in: 0..<3, using: &dice) == 0 ? Int.random(in: 0...size, using: &dice) : 0
            let limit = Together.allCases.randomElement(using: &dice) ?? .apart
            let party = SeatPicker.Party(size: size, accessible: needs, limit: limit)
            let house = SeatBruteForce(rows)
            let best = house.best(party)
            let note: Comment = "seed \(seed), round \(round), turn \(turn): \(party) in \(rows)"
            switch picker.pick(party) {
            case .tooFew: #expect(house.free.count < size, note)
            case .noAccessible(let left): #expect(best == nil && left == house.accessible, note)
            case .notTogether(let closest): #expect(best?.together == closest && limit < closest, note)
            case .seats(let seats, let together):
                #expect(given.isDisjoint(with: seats) && all.isSuperset(of: seats), note)
                #expect(seats.count == size && Set(seats).count == size, note)
                #expect(together <= limit && best?.together == together, note)
                let set = house.free.filter { seats.contains($0.place.seat) }
                #expect(set.count { $0.place.accessible } >= needs, note)
                let verdict = needs > 0 ? house.accompanied(set) : house.verdict(set)
                if needs == 0 || together != .row {
                    #expect(verdict == best, note)
                } else if set.count(where: { $0.place.accessible }) == needs {
                    #expect(verdict?.weights.first == best?.weights.first, note)
                }
                given.formUnion(seats)
                for index in rows.indices { rows[index].free.removeAll { seats.contains($0.seat) } }
                rows.removeAll { $0.free.isEmpty }
            }
            #expect(picker.remaining == all.count - given.count, note)
        }
    }

    /// At most fourteen free seats in two sections, some of them accessible.
    private func hall(_ dice: inout TestDice) -> [SeatRow] {
        let focus = SeatRow.Focus(
            row: Int.random(in: 0...2, using: &dice),
            aside: Int.random(in: -4...4, using: &dice)
        )
        var left = 14
        let charts = (0..<2).map { _ in
            (0..<Int.random(in: 1...3, using: &dice)).map { _ in
                let width = Int.random(in: 1...7, using: &dice)
                return (0..<width).reduce(into: "") { picture, _ in
                    let roll = Int.random(in: 0..<10, using: &dice)
                    let letter = roll < 3 ? "." : roll < 4 ? "_" : roll < 6 ? "a" : "f"
                    picture += left > 0 ? letter : "."
                    if letter == "a" || letter == "f" { left -= 1 }
                }
            }
        }
        return SeatChart.rows(charts, focus: focus)
    }
}
