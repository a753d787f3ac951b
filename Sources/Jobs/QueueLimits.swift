/// How many jobs of a queue may run at a time and start in a second: all together, and of each key.
///
/// ```swift
/// try await store.setLimits(
///     QueueLimits(maxRunning: 50, perKey: KeyLimit(maxRunning: 2, rate: RateLimit(perSecond: 10, burst: 20))),
///     queue: "mails"
/// )
/// ```
public struct QueueLimits: Sendable, Equatable {
    /// Jobs and runs of the queue that run at a time, under any number of workers; nil is no limit.
    public var maxRunning: Int?
    /// Jobs and runs of the queue that start in a second; nil is no limit.
    public var rate: RateLimit?
    /// What holds for each key that has no limit of its own.
    public var perKey: KeyLimit
    /// Jobs of one key that stand in the lanes at a time, whatever its limit, so that none floods them.
    ///
    /// A job of another key waits for at most so many of it. Those that run don't count, so a key with nobody beside it
    /// runs as many as the workers take. Nil is no window.
    public var fairWindow: Int?

    /// Describes limits; what is left out is not limited.
    public init(
        maxRunning: Int? = nil,
        rate: RateLimit? = nil,
        perKey: KeyLimit = KeyLimit(),
        fairWindow: Int? = nil
    ) {
        self.maxRunning = maxRunning
        self.rate = rate
        self.perKey = perKey
        self.fairWindow = fairWindow
    }

    func check() throws {
        try Self.check(maxRunning, is: "maxRunning", atLeast: 0)
        try Self.check(fairWindow, is: "fairWindow", atLeast: 1)
        try rate?.check()
        try perKey.check()
    }

    static func check(_ value: Int?, is name: String, atLeast least: Int) throws {
        guard let value, value < least || value > 1_000_000 else { return }
        throw JobsError(
            code: .invalidLimit,
            message: "\(name) is \(value); accepted is \(least) to 1000000, or nil for no limit"
        )
    }
}

/// How many jobs of a key may run at a time and start in a second.
public struct KeyLimit: Sendable, Equatable {
    /// Jobs of the key that are in a lane or run at a time; nil is no limit, 0 holds the key.
    public var maxRunning: Int?
    /// Jobs of the key that are let into a lane in a second; nil is no limit.
    public var rate: RateLimit?

    /// Describes a limit; what is left out is not limited.
    public init(maxRunning: Int? = nil, rate: RateLimit? = nil) {
        self.maxRunning = maxRunning
        self.rate = rate
    }

    func check() throws {
        try QueueLimits.check(maxRunning, is: "maxRunning", atLeast: 0)
        try rate?.check()
    }
}

/// A bucket of tokens: each start takes one, and they come back evenly.
public struct RateLimit: Sendable, Equatable {
    /// Tokens that come back in a second, above 0 and at most 100,000.
    public var perSecond: Double
    /// The most the bucket holds, so the most that starts at once.
    public var burst: Int

    /// Describes a rate.
    ///
    /// - Parameters:
    ///   - perSecond: above 0 and at most 100,000.
    ///   - burst: at least 1.
    public init(perSecond: Double, burst: Int = 1) {
        self.perSecond = perSecond
        self.burst = burst
    }

    func check() throws {
        try QueueLimits.check(burst, is: "burst", atLeast: 1)
        guard !(perSecond > 0 && perSecond <= 100_000) else { return }
        throw JobsError(
            code: .invalidLimit,
            message: "perSecond is \(perSecond); accepted is above 0 and at most 100000"
        )
    }
}
