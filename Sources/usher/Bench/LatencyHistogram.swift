/// Counts durations by size, so finely that a percentile is off by less than two in a hundred.
///
/// Sizes below 64 µs have a bucket each; above, each doubling has 64.
struct LatencyHistogram: Sendable, Equatable {
    private static let fineness = 64

    private var counts: [Int] = []
    private(set) var count = 0

    /// Counts a duration; a negative one as none.
    mutating func add(microseconds: Int64) {
        add(1, at: Self.bucket(of: max(0, microseconds)))
    }

    /// Counts all that another has counted.
    mutating func add(_ other: Self) {
        for (bucket, count) in other.counts.enumerated() where count > 0 { add(count, at: bucket) }
    }

    private mutating func add(_ more: Int, at bucket: Int) {
        if bucket >= counts.count { counts += Array(repeating: 0, count: bucket + 1 - counts.count) }
        counts[bucket] += more
        count += more
    }

    /// The duration that so many of all did not exceed, in milliseconds; nil when nothing was counted.
    ///
    /// - Parameter part: from 0 to 1.
    /// - Returns: the upper end of a bucket.
    func percentile(_ part: Double) -> Double? {
        guard count > 0 else { return nil }
        let wanted = max(1, Int((part * Double(count)).rounded(.up)))
        var seen = 0
        for (bucket, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return Double(Self.upperEnd(of: bucket)) / 1000 }
        }
        return nil
    }

    private static func bucket(of microseconds: Int64) -> Int {
        let value = Int(microseconds)
        guard value >= fineness else { return value }
        let doublings = Int.bitWidth - 1 - value.leadingZeroBitCount - 6
        return (doublings + 1) * fineness + (value >> doublings) - fineness
    }

    private static func upperEnd(of bucket: Int) -> Int {
        guard bucket >= fineness else { return bucket }
        let doublings = bucket / fineness - 1
        return ((bucket % fineness + fineness + 1) << doublings) - 1
    }

    // MARK: As a word

    /// The buckets that are not empty, as in `12:3,80:1`; `-` when all are.
    var word: String {
        guard count > 0 else { return "-" }
        return counts.enumerated().filter { $0.element > 0 }.map { "\($0.offset):\($0.element)" }
            .joined(separator: ",")
    }

    init() {}

    /// Reads ``word``.
    init?(word: some StringProtocol) {
        guard word != "-" else { return }
        for pair in word.split(separator: ",") {
            let parts = pair.split(separator: ":").map { Int($0) }
            guard parts.count == 2, let bucket = parts[0], let count = parts[1], bucket >= 0, bucket < 4096,
                count > 0
            else { return nil }
            add(count, at: bucket)
        }
    }
}
