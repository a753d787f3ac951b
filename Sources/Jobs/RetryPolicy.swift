internal import Reactor

/// How often a failed attempt is tried again, and after how long.
public struct RetryPolicy: Sendable, Hashable {
    /// Attempts in all, the first included.
    public var maxAttempts: Int
    /// The delay before the second attempt.
    public var base: Duration
    /// What each further delay is multiplied by.
    public var factor: Double
    /// No delay is longer than this.
    public var maxDelay: Duration
    /// The part of each delay that is drawn at random, from 0 to 1, so that what failed together does not come
    /// back together.
    public var jitter: Double

    /// Makes a policy; see the properties for units.
    public init(
        maxAttempts: Int,
        base: Duration = .milliseconds(500),
        factor: Double = 2,
        maxDelay: Duration = .seconds(300),
        jitter: Double = 0.3
    ) {
        self.maxAttempts = max(1, maxAttempts)
        self.base = base
        self.factor = factor
        self.maxDelay = maxDelay
        self.jitter = min(max(jitter, 0), 1)
    }

    /// Ten attempts, from half a second to five minutes apart.
    public static let `default` = RetryPolicy(maxAttempts: 10)
    /// One attempt only.
    public static let never = RetryPolicy(maxAttempts: 1)

    /// Delays that double, `max` attempts in all.
    public static func exponential(max: Int, base: Duration = .milliseconds(500)) -> RetryPolicy {
        RetryPolicy(maxAttempts: max, base: base)
    }

    /// The same delay each time, `max` attempts in all.
    public static func fixed(_ delay: Duration, max: Int) -> RetryPolicy {
        RetryPolicy(maxAttempts: max, base: delay, factor: 1, maxDelay: delay, jitter: 0)
    }

    /// How long to wait once `failures` attempts have failed.
    ///
    /// - Parameters:
    ///   - failures: attempts that failed so far, at least 1.
    ///   - random: a number from 0 to 1 that decides the jitter.
    /// - Returns: the delay, or nil when the last attempt has been made.
    public func delay(afterFailures failures: Int, random: Double = .random(in: 0...1)) -> Duration? {
        guard failures < maxAttempts else { return nil }
        var seconds = base.seconds
        for _ in 1..<max(1, failures) where seconds < maxDelay.seconds { seconds *= factor }
        seconds = min(seconds, maxDelay.seconds)
        return .seconds(seconds * (1 - jitter * random))
    }
}
