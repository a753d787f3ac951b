internal import Reactor

/// How often something may be asked for.
public struct RequestRate: Sendable, Hashable {
    /// In the long run.
    public var perSecond: Double
    /// At once, after a while without any.
    public var burst: Int

    /// Makes a rate; both are at least 1.
    public init(perSecond: Double, burst: Int) {
        precondition(perSecond > 0 && burst >= 1, "a rate allows something")
        self.perSecond = perSecond
        self.burst = burst
    }

    /// What one request takes of the time.
    var interval: Int64 { max(1, Int64(1_000_000_000 / perSecond)) }
}
