import TestSupport
import Testing

@testable import EventLog

/// How far the log may be read, without a database.
@Suite struct FactHorizonTests {
    @Test func `A number is final when all who could have taken it have ended`() {
        var horizon = FactHorizon()
        // Transaction 10 has taken number 3 and goes on; 11 has ended.
        let moved1 = horizon.take(.init(given: 4, coming: 12, oldest: 10))
        #expect(moved1 == false)
        #expect(horizon.final == 0 && horizon.isBehind)
        let moved2 = horizon.take(.init(given: 4, coming: 14, oldest: 12))
        #expect(moved2)
        #expect(horizon.final == 4 && !horizon.isBehind)
    }

    @Test func `Nothing under way is final at once, and nothing new changes nothing`() {
        var horizon = FactHorizon(final: 7)
        let moved3 = horizon.take(.init(given: 9, coming: 20, oldest: 20))
        #expect(moved3)
        #expect(horizon.final == 9)
        let moved4 = horizon.take(.init(given: 9, coming: 25, oldest: 20))
        #expect(moved4 == false)
        let moved5 = horizon.take(.init(given: 2, coming: 30, oldest: 30))
        #expect(moved5 == false)
        #expect(horizon.final == 9)
    }

    @Test func `A transaction that takes for ever costs no memory, and ends the wait when it ends`() {
        var horizon = FactHorizon()
        for step in 1...10_000 as ClosedRange<Int64> {
            horizon.take(.init(given: step, coming: 10 + step, oldest: 10))
        }
        #expect(horizon.final == 0)
        horizon.take(.init(given: 10_000, coming: 20_000, oldest: 20_000))
        #expect(horizon.final == 10_000)
    }

    /// Transactions get ids, take numbers and end in any order; a reader that looks in between must never be ahead.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `Whatever the order of ends, no number behind the horizon is still open`(seed: UInt64) {
        var dice = TestDice(seed: seed)
        var horizon = FactHorizon()
        var (nextID, given): (Int64, Int64) = (3, 0)
        /// Which numbers each open transaction took.
        var open: [Int64: [Int64]] = [:]
        for step in 0..<3_000 {
            switch Int.random(in: 0..<5, using: &dice) {
            case 0:
                open[nextID] = []
                nextID += 1
            case 1, 2:
                guard let id = open.keys.sorted().randomElement(using: &dice) else { continue }
                given += 1
                open[id, default: []].append(given)
            case 3:
                guard let id = open.keys.sorted().randomElement(using: &dice) else { continue }
                open[id] = nil
            default:
                horizon.take(
                    .init(given: given, coming: nextID, oldest: open.keys.min() ?? nextID)
                )
                let least = open.values.joined().min() ?? .max
                #expect(horizon.final < least, "seed \(seed), step \(step)")
            }
        }
        horizon.take(.init(given: given, coming: nextID, oldest: nextID))
        #expect(horizon.final == given, "seed \(seed)")
    }
}
