internal import Reactor

/// How often a failed attempt is tried again, and after how long.
public struct RetryPolicy: Sendable {
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
    /// The delay after so many failures, in place of the exponential one.
    private var curve: (@Sendable (_ failures: Int) -> Duration)?

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

    /// Delays that grow by a factor, `max` attempts in all.
    public static func exponential(
        max: Int,
        base: Duration = .milliseconds(500),
        factor: Double = 2,
        maxDelay: Duration = .seconds(300),
        jitter: Double = 0.3
    ) -> RetryPolicy {
        RetryPolicy(maxAttempts: max, base: base, factor: factor, maxDelay: maxDelay, jitter: jitter)
    }

    /// The same delay each time, `max` attempts in all.
    public static func fixed(_ delay: Duration, max: Int, jitter: Double = 0) -> RetryPolicy {
        RetryPolicy(maxAttempts: max, base: delay, factor: 1, maxDelay: delay, jitter: jitter)
    }

    /// A delay of your own making, `max` attempts in all.
    ///
    /// ```swift
    /// static let retry = RetryPolicy.custom(max: 5) { failures in .seconds(failures * failures) }
    /// ```
    ///
    /// - Parameters:
    ///   - max: attempts in all.
    ///   - jitter: the part of each delay that is drawn at random, from 0 to 1.
    ///   - delay: how long to wait once so many attempts have failed, from 1; less than nothing is at once.
    /// - Returns: the policy.
    public static func custom(
        max: Int,
        jitter: Double = 0,
        _ delay: @escaping @Sendable (_ failures: Int) -> Duration
    ) -> RetryPolicy {
        var policy = RetryPolicy(maxAttempts: max, jitter: jitter)
        policy.curve = delay
        return policy
    }

    /// How long to wait once `failures` attempts have failed.
    ///
    /// - Parameters:
    ///   - failures: attempts that failed so far, at least 1.
    ///   - random: a number from 0 to 1 that decides the jitter.
    /// - Returns: the delay, or nil when the last attempt has been made.
    public func delay(afterFailures failures: Int, random: Double = .random(in: 0...1)) -> Duration? {
        guard failures < maxAttempts else { return nil }
        var seconds: Double
        if let curve {
            seconds = Swift.max(0, curve(failures).seconds)
        } else {
            seconds = base.seconds
            for _ in 1..<Swift.max(1, failures) where seconds < maxDelay.seconds { seconds *= factor }
            seconds = Swift.min(seconds, maxDelay.seconds)
        }
        return .seconds(seconds * (1 - jitter * random))
    }

    /// What is to happen after an error.
    ///
    /// - Parameters:
    ///   - verdict: what the code says of its error, if anything.
    ///   - failures: attempts that had failed before this one.
    /// - Returns: the delay, and the failures that count from now on; nil is the end.
    package func next(
        _ verdict: JobVerdict?,
        failures: Int
    ) -> (delay: Duration, failures: Int)? {
        switch verdict {
        case .discard: nil
        case .snooze(let delay): (delay, failures)
        case .retry(let delay, _): failures + 1 < maxAttempts ? (delay, failures + 1) : nil
        case nil: delay(afterFailures: failures + 1).map { ($0, failures + 1) }
        }
    }
}
