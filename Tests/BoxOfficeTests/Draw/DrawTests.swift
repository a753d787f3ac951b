@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct DrawTests {
    private func key(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    @Test(arguments: [0, 1, 2, 3, 7, 8, 1000])
    func `an order is a permutation with its inverse`(count: Int) {
        let order = DrawOrder(key: key(7), count: count)
        let numbers = (0..<count).map { order.number(ofArrival: Int64($0 + 1)) }
        #expect(numbers.sorted() == (0..<count).map { Int64($0 + 1) })
        for (index, number) in numbers.enumerated() {
            #expect(order.arrival(ofNumber: number) == Int64(index + 1))
        }
    }

    @Test func `whoever comes after the seal follows in order of arrival`() {
        let order = DrawOrder(key: key(1), count: 5)
        #expect(order.number(ofArrival: 6) == 6)
        #expect(order.arrival(ofNumber: 900) == 900)
    }

    /// Written down once, so that no later version quietly draws another order from the same key.
    @Test func `the same key always draws the same order`() {
        let order = DrawOrder(key: key(0), count: 10)
        let arrivals = (1...10).map { order.arrival(ofNumber: $0) }
        #expect(arrivals == (1...10).map { DrawOrder(key: key(0), count: 10).arrival(ofNumber: $0) })
        #expect(arrivals != (1...10).map { DrawOrder(key: key(1), count: 10).arrival(ofNumber: $0) })
        #expect(arrivals == DrawReference.arrivals(key: key(0), count: 10))
    }

    /// Chi-squared over all 24 orders of four, 23 degrees of freedom: 49.7 is exceeded once in a thousand keys, and the
    /// keys here are fixed.
    @Test func `all orders are as likely`() {
        var seen: [[Int64]: Int] = [:]
        let trials = 4800
        for trial in 0..<trials {
            let order = DrawOrder(key: Digest.sha256("trial \(trial)"), count: 4)
            seen[(1...4).map { order.arrival(ofNumber: $0) }, default: 0] += 1
        }
        let expected = Double(trials) / 24
        let deviation = seen.values.reduce(0) {
            $0 + (Double($1) - expected) * (Double($1) - expected) / expected
        }
        #expect(seen.count == 24)
        #expect(deviation < 49.7)
    }

    @Test func `early arrival is no advantage`() {
        let count = 20_000
        let order = DrawOrder(key: key(42), count: count)
        let half = (1...count / 2).reduce(0.0) { $0 + Double(order.number(ofArrival: Int64($1))) }
        let mean = half / Double(count / 2)
        // The mean of half the numbers has a standard deviation of about 41 here; allow five.
        #expect(abs(mean - Double(count + 1) / 2) < 205)
    }

    @Test func `words past the last whole multiple are thrown away`() {
        var stream = DrawStream(key: key(3))
        var counts = [Int](repeating: 0, count: 3)
        for _ in 0..<3000 { counts[Int(stream.next(below: 3))] += 1 }
        #expect(counts.allSatisfy { abs($0 - 1000) < 130 })
        #expect(stream.next(below: 1) == 0)
        for _ in 0..<100 { #expect(stream.next(below: 1 << 31 + 1) <= 1 << 31) }
    }

    @Test func `the key depends on secret, beacon and root, and on where one ends`() {
        let base = DrawKey.derive(secret: key(1), beacon: [1, 2], root: key(2))
        #expect(base.count == 32)
        #expect(base != DrawKey.derive(secret: key(3), beacon: [1, 2], root: key(2)))
        #expect(base != DrawKey.derive(secret: key(1), beacon: nil, root: key(2)))
        #expect(base != DrawKey.derive(secret: key(1), beacon: [1, 2], root: key(4)))
        #expect(Commitment.to(key(1)) != Commitment.to(key(2)))
    }

    @Test func `orders are kept for each on-sale`() {
        let orders = DrawOrders()
        let first = orders.order(of: OnSaleID(rawValue: 1), key: key(1), count: 50)
        let again = orders.order(of: OnSaleID(rawValue: 1), key: key(1), count: 50)
        let other = orders.order(of: OnSaleID(rawValue: 2), key: key(2), count: 50)
        let numbers = { (order: DrawOrder) in (1...50).map { order.number(ofArrival: $0) } }
        #expect(numbers(first) == numbers(again))
        #expect(numbers(first) != numbers(other))
        orders.forget(OnSaleID(rawValue: 1))
    }
}

/// The draw written a second time from `docs/fairness.md`, without looking at the first.
private enum DrawReference {
    static func arrivals(key: [UInt8], count: Int) -> [Int64] {
        var words: [UInt32] = []
        var block: UInt64 = 0
        func next() -> UInt32 {
            if words.isEmpty {
                let counter = (0..<8).map { UInt8(truncatingIfNeeded: block >> UInt64(56 - 8 * $0)) }
                let bytes = MessageCode.sha256(key: key, counter)
                words = (0..<8).map { word in (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[word * 4 + $1]) } }
                block += 1
            }
            return words.removeFirst()
        }
        var entries = (0..<count).map { Int64($0 + 1) }
        var index = count - 1
        while index >= 1 {
            let bound = UInt64(index + 1)
            let limit = (UInt64(1) << 32) / bound * bound
            var word = UInt64(next())
            while word >= limit { word = UInt64(next()) }
            entries.swapAt(index, Int(word % bound))
            index -= 1
        }
        return entries
    }
}
