/// How many connections a pool has, and for how long.
public struct PoolLimits: Sendable, Hashable {
    /// Never more connections than this.
    public var maximum: Int
    /// Never closed for being idle when there are no more than this.
    public var minimum: Int
    /// How long a caller waits for a connection before it is told why there is none.
    public var acquireTimeout: Duration
    /// How long a connection may lie idle.
    public var idleTimeout: Duration
    /// How old a connection may get; it is closed when it is next idle.
    public var lifetime: Duration

    /// Makes limits.
    public init(
        maximum: Int = 8,
        minimum: Int = 0,
        acquireTimeout: Duration = .seconds(10),
        idleTimeout: Duration = .seconds(60),
        lifetime: Duration = .seconds(1800)
    ) {
        self.maximum = maximum
        self.minimum = minimum
        self.acquireTimeout = acquireTimeout
        self.idleTimeout = idleTimeout
        self.lifetime = lifetime
    }
}

/// What a pool's connections are doing.
public struct PoolStatistics: Sendable, Hashable {
    /// Connections that somebody uses.
    public var leased: Int
    /// Connections that nobody uses.
    public var idle: Int
    /// Connections being made.
    public var connecting: Int
    /// Callers that wait for a connection.
    public var waiting: Int

    /// Makes statistics.
    public init(leased: Int = 0, idle: Int = 0, connecting: Int = 0, waiting: Int = 0) {
        self.leased = leased
        self.idle = idle
        self.connecting = connecting
        self.waiting = waiting
    }
}
