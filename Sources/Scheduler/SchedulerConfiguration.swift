/// How often a scheduler does what, and how long it waits for the dead.
public struct SchedulerConfiguration: Sendable {
    /// How often it looks for timers that are due.
    public var promoteInterval: Duration
    /// Timers promoted in one statement.
    public var promoteBatch: Int
    /// Runs that are ended by one call of their function.
    public var expireBatch: Int
    /// Such calls that are under way at a time, for different runs and on a connection each.
    public var expireLanes: Int
    /// A worker whose heartbeat is older than this is dead.
    public var workerLease: Duration
    /// A leader that has not renewed for this long is replaced.
    public var leaderLease: Duration
    /// How long ended jobs are kept.
    public var retention: Duration
    /// How long new jobs go to one range of ids, if it is not full before; a range is dropped whole.
    public var rangeSpan: Duration
    /// The lanes of a queue change sides when the one in use has gathered so many dead rows.
    public var deadRowLimit: Int
    /// A job that was running in so many workers in a row when they died fails for good.
    public var maxWorkerDeaths: Int

    /// Makes a configuration; see the properties for units.
    public init(
        promoteInterval: Duration = .milliseconds(50),
        promoteBatch: Int = 1000,
        expireBatch: Int = 1000,
        expireLanes: Int = 2,
        workerLease: Duration = .seconds(5),
        leaderLease: Duration = .seconds(3),
        retention: Duration = .seconds(7 * 86_400),
        rangeSpan: Duration = .seconds(30 * 86_400),
        deadRowLimit: Int = 50_000,
        maxWorkerDeaths: Int = 10
    ) {
        self.promoteInterval = promoteInterval
        self.promoteBatch = promoteBatch
        self.expireBatch = expireBatch
        self.expireLanes = expireLanes
        self.workerLease = workerLease
        self.leaderLease = leaderLease
        self.retention = retention
        self.rangeSpan = rangeSpan
        self.deadRowLimit = deadRowLimit
        self.maxWorkerDeaths = maxWorkerDeaths
    }
}
