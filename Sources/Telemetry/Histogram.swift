internal import Reactor

/// Counts observations by size, such as how long requests took.
public final class Histogram: Sendable {
    /// What a histogram has seen.
    public struct Snapshot: Sendable {
        /// The upper bounds of the buckets, ascending; a last bucket without a bound follows.
        public let bounds: [Double]
        /// Observations per bucket, one more than there are bounds.
        public let counts: [UInt64]
        /// The sum of all observations.
        public let sum: Double
    }

    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    /// Bounds for durations in seconds, from half a millisecond to half a minute.
    public static let seconds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    private let bounds: [Double]
    private let state: Lock<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Lock(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Counts one observation.
    public func observe(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Counts a duration, in seconds.
    public func observe(_ duration: Duration) {
        observe(duration.seconds)
    }

    /// What was seen so far.
    public var snapshot: Snapshot {
        let state = state.withLock { $0 }
        return Snapshot(bounds: bounds, counts: state.counts, sum: state.sum)
    }
}
