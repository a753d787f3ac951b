public import Postgres
public import Telemetry

/// A job that is about to be enqueued.
public struct NewJob: Sendable {
    /// The name its code is registered under.
    public var name: String
    /// The queue it is claimed from.
    public var queue: String
    /// Smaller runs first.
    public var priority: Int16
    /// What the code is given.
    public var input: JSONB
    /// Not before this instant; nil is at once.
    public var runAt: PostgresTimestamp?
    /// Dropped when it is claimed later than this, because it would be too late to matter; nil is never.
    public var startBy: PostgresTimestamp?
    /// A second job under the same key is not made; the first is found instead.
    ///
    /// For how long is told by ``unique``; without one, as long as the first's row is kept.
    public var key: String?
    /// Which others are the same job.
    public var unique: Uniqueness?
    /// The batch it belongs to.
    public var batch: JobBatch?
    /// Whose share of the queue's limits it takes; nil is nobody's.
    ///
    /// See ``QueueLimits``. Jobs of a key wait for its limits, apart from the lanes, and start in order.
    public var limitKey: String?
    /// Where in a trace it is enqueued; the code that works on it, and what that calls, belong to it.
    ///
    /// What is enqueued inside of a step, an effect, a job or a traced call takes that one's.
    public var trace = TraceContext.current
    /// Whether it is a workflow's run, which may park.
    package var isRun = false
    /// The version of its code that a run is pinned to; nil is any.
    package var codeVersion: Int?
    /// How long a run may take, from when it may start.
    package var timeout: Duration?
    /// The run to tell, and the name of the event to tell it by, when this job ends.
    package var parent: (id: JobID, event: String)?

    /// The same job with its input as it is stored.
    package func encoded(by codec: (any PayloadCodec)?) throws -> NewJob {
        guard let codec else { return self }
        var job = self
        job.input = try codec.encode(input, of: .input(of: name))
        return job
    }

    /// Whether its rows are all there is to it.
    var isPlain: Bool {
        key == nil && unique == nil && limitKey == nil && parent == nil && batch == nil && codeVersion == nil
            && timeout == nil && trace == nil
    }

    /// Describes a job.
    ///
    /// - Parameters:
    ///   - name: what its code is registered under.
    ///   - queue: an existing queue.
    ///   - input: what the code is given.
    ///   - priority: smaller runs first.
    ///   - runAt: not before this instant.
    ///   - startBy: dropped, and counted as expired, when claimed later.
    ///   - key: for dedupe, unique in the schema; see `unique`.
    ///   - unique: which others are the same job; without it, those under the same key while the row is kept.
    ///   - limitKey: whose limits it is counted under.
    public init(
        name: String,
        queue: String = "default",
        input: JSONB,
        priority: Int16 = 0,
        runAt: PostgresTimestamp? = nil,
        startBy: PostgresTimestamp? = nil,
        key: String? = nil,
        unique: Uniqueness? = nil,
        limitKey: String? = nil
    ) {
        self.limitKey = limitKey
        self.name = name
        self.queue = queue
        self.priority = priority
        self.input = input
        self.runAt = runAt
        self.startBy = startBy
        self.key = key
        self.unique = unique
    }

    /// A workflow's run.
    package static func run(
        name: String,
        queue: String,
        input: JSONB,
        runAt: PostgresTimestamp? = nil,
        key: String? = nil,
        codeVersion: Int? = nil,
        timeout: Duration? = nil
    ) -> Self {
        var job = Self(name: name, queue: queue, input: input, runAt: runAt, key: key)
        job.isRun = true
        job.codeVersion = codeVersion
        job.timeout = timeout
        return job
    }
}
