@testable import BoxOffice
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(5)))
struct ChanceLeftTests {
    private func chance(ahead: Int64, unspoken: Double = 1_000) -> Double {
        ChanceLeft.estimate(ahead: ahead, show: 0.9, conversion: 0.8, basket: 2, unspoken: unspoken)
    }

    @Test func `it is certain only where there is no doubt, and falls down the line`() {
        #expect(chance(ahead: 100, unspoken: 0) == 0)
        #expect(chance(ahead: 0, unspoken: 1) == 1)
        let all = stride(from: Int64(1), through: 5_000, by: 50).map { chance(ahead: $0) }
        #expect(zip(all, all.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(all.first == 0.99 && all.last == 0.01)
        // Seven hundred buy a thousand tickets.
        #expect(abs(chance(ahead: 694) - 0.5) < 0.03)
    }

    /// Buyers who behave as those before them did, up to what the past can't tell.
    @Test func `it is how often something is left`() {
        let seed = UInt64.random(in: 0..<1_000_000)
        var generator = TestDice(seed: seed)
        for ahead: Int64 in [80, 110, 139, 170, 220] {
            let runs = 2_000
            var left = 0
            for _ in 0..<runs {
                // How buyers differ from those before them.
                let habit =
                    1 + 0.15 * (0..<12).reduce(-6) { sum, _ in sum + .random(in: 0..<1, using: &generator) }
                var sold = 0.0
                for _ in 0..<ahead where Double.random(in: 0..<1, using: &generator) < 0.72 {
                    sold += Double([1, 2, 2, 3].randomElement(using: &generator) ?? 2)
                }
                if sold * habit < 200 { left += 1 }
            }
            let seen = Double(left) / Double(runs)
            let said = chance(ahead: ahead, unspoken: 200)
            #expect(abs(seen - said) < 0.08, "\(ahead) ahead: \(said), but \(seen); seed \(seed)")
        }
    }
}
