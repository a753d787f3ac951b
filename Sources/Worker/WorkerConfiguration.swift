/// What a worker process serves, and within which bounds.
public struct WorkerConfiguration: Sendable {
    /// The pool it belongs to, as operators see it.
    public var pool: String
    /// The queues it claims from.
    public var queues: [String]
    /// Runs and jobs it holds at a time.
    public var capacity: Int
    /// How long it waits for a notification before it looks for itself.
    public var pollInterval: Duration
    /// How often it says that it lives.
    ///
    /// Its claims are given away when it has not for the scheduler's lease.
    public var heartbeatInterval: Duration
    /// How long a graceful stop waits for what is running.
    public var drainDeadline: Duration

    /// Makes a configuration; see the properties for units.
    public init(
        pool: String = "default",
        queues: [String],
        capacity: Int = 256,
        pollInterval: Duration = .milliseconds(250),
        heartbeatInterval: Duration = .seconds(1),
        drainDeadline: Duration = .seconds(20)
    ) {
        self.pool = pool
        self.queues = queues
        self.capacity = max(1, capacity)
        self.pollInterval = pollInterval
        self.heartbeatInterval = heartbeatInterval
        self.drainDeadline = drainDeadline
    }
}
