/// How long something took, many times.
struct Latencies: Sendable {
    private var milliseconds: [Double] = []

    mutating func add(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        milliseconds.append(Double(seconds) * 1000 + Double(attoseconds) / 1e15)
    }

    var count: Int { milliseconds.count }

    /// The latency that so many did not exceed, in milliseconds; zero when there are none.
    ///
    /// - Parameters:
    ///   - part: from 0 to 1.
    ///   - last: only so many of the latest; all when nil.
    /// - Returns: one of the latencies that were added.
    func percentile(_ part: Double, last: Int? = nil) -> Double {
        let sorted = milliseconds.suffix(last ?? milliseconds.count).sorted()
        guard !sorted.isEmpty else { return 0 }
        let rank = Int((part * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(0, rank), sorted.count - 1)]
    }
}
