/// Who comes when: the drawn order of the first `count` arrivals, and arrival order after them.
///
/// Fisher–Yates over the arrivals `1…n`: for `i` from `n−1` down to `1`, swap entry `i` with entry `r`, where `r`
/// is the stream's next number in `0…i`. Entry `k` then holds the arrival that gets number `k+1`. A million
/// places take 8 MB and well under a second, and no row of theirs is written.
package struct DrawOrder: Sendable {
    private let arrivals: [UInt32]
    private let numbers: [UInt32]

    /// - Parameters:
    ///   - key: The draw's key.
    ///   - count: How many arrivals the seal closed in.
    ///   - priorities: One byte for each arrival, the lowest first; nil when all are alike. Among those of one priority
    ///     the drawn order holds.
    package init(key: [UInt8], count: Int, priorities: [UInt8]? = nil) {
        var stream = DrawStream(key: key)
        var arrivals = unsafe [UInt32](unsafeUninitializedCapacity: count) { buffer, written in
            for index in 0..<count { unsafe buffer.initializeElement(at: index, to: UInt32(index + 1)) }
            written = count
        }
        for index in stride(from: count - 1, to: 0, by: -1) {
            arrivals.swapAt(index, Int(stream.next(below: UInt32(index + 1))))
        }
        if let priorities, priorities.count == count {
            var byPriority: [UInt8: [UInt32]] = [:]
            for arrival in arrivals { byPriority[priorities[Int(arrival) - 1], default: []].append(arrival) }
            arrivals = byPriority.keys.sorted().flatMap { byPriority[$0, default: []] }
        }
        var numbers = [UInt32](repeating: 0, count: count)
        for (index, arrival) in arrivals.enumerated() { numbers[Int(arrival) - 1] = UInt32(index + 1) }
        self.arrivals = arrivals
        self.numbers = numbers
    }

    /// How many arrivals were drawn.
    package var count: Int { arrivals.count }

    /// The number of the place that arrived as `arrival`; both count from 1.
    package func number(ofArrival arrival: Int64) -> Int64 {
        arrival >= 1 && arrival <= Int64(numbers.count) ? Int64(numbers[Int(arrival) - 1]) : arrival
    }

    /// The arrival that has `number`; both count from 1.
    package func arrival(ofNumber number: Int64) -> Int64 {
        number >= 1 && number <= Int64(arrivals.count) ? Int64(arrivals[Int(number) - 1]) : number
    }
}
