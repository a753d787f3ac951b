internal import Glibc

/// An instant of the machine's monotonic clock, in nanoseconds.
///
/// It means nothing outside this process.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since some fixed moment before the process began.
    public var nanoseconds: UInt64

    /// Makes an instant from nanoseconds.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// This moment.
    public static var now: Self {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Self(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// The instant `duration` later; a negative duration counts as none.
    public static func + (left: Self, right: Duration) -> Self {
        Self(nanoseconds: left.nanoseconds &+ UInt64(max(0, right.nanoseconds)))
    }

    /// How much later `left` is than `right`.
    public static func - (left: Self, right: Self) -> Duration {
        .nanoseconds(Int64(bitPattern: left.nanoseconds &- right.nanoseconds))
    }

    /// Earlier instants come first.
    public static func < (left: Self, right: Self) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension Duration {
    /// The whole duration in nanoseconds; about 292 years fit.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }

    /// The whole duration in microseconds.
    public var microseconds: Int64 {
        nanoseconds / 1000
    }

    /// The whole duration in milliseconds, with fractions.
    public var milliseconds: Double {
        Double(nanoseconds) / 1_000_000
    }

    /// The whole duration in seconds, with fractions.
    public var seconds: Double {
        Double(nanoseconds) / 1_000_000_000
    }
}
