public import Postgres
package import Telemetry

/// A job that a worker holds, with the epoch that fences its writes.
public struct ClaimedJob: Sendable {
    /// The job's number.
    public let id: JobID
    /// The name its code is registered under.
    public let name: String
    /// The queue it was claimed from.
    public let queue: String
    /// The queue it belongs to when no step asks for another.
    public let homeQueue: String
    /// This claim's number; a write that carries an older one changes nothing.
    public let epoch: Int32
    /// How often the run has continued as new.
    public private(set) var generation: Int32
    /// Attempts that failed since the last progress.
    public let failures: Int16
    /// What the code is given.
    public let input: JSONB
    /// The batch it was claimed with.
    package let batch: Int64
    /// Whether it is a workflow's run.
    package let isRun: Bool
    /// Whether its end brings about more than its own row tells, so that its batch can't be closed unread.
    package let owesMore: Bool
    /// What its lane is ordered by.
    package let rank: Int64
    /// Where in a trace it was enqueued.
    package let trace: TraceContext?
    /// The run that waits for this one.
    package let parent: (id: JobID, event: String)?

    /// The same run as it is when it has continued as new.
    package func continued() -> Self {
        var next = self
        next.generation += 1
        return next
    }

    /// A run as its first go begins, in the transaction that makes it.
    package init(eager id: JobID, _ job: NewJob) {
        self.id = id
        name = job.name
        queue = job.queue
        homeQueue = job.queue
        epoch = 1
        generation = 0
        failures = 0
        input = job.input
        batch = 0
        isRun = true
        owesMore = true
        rank = 0
        trace = job.trace
        parent = nil
    }

    // What the claim statement says of a job in one number.
    static let isRun: Int16 = 1
    static let owesMore: Int16 = 2

    /// Reads a row of the claim statement.
    package init(claim row: Row, from queue: String) throws {
        id = JobID(rawValue: try row[0])
        name = try row[1]
        failures = try row[2]
        input = try row[3]
        rank = try row[4]
        batch = try row[5]
        self.queue = queue
        let marks: Int16 = try row[6]
        isRun = marks == Self.isRun
        owesMore = marks != 0
        // Null where it is the queue it was claimed from, because most are.
        homeQueue = try row[7] ?? queue
        trace = (try row[12] as String?).flatMap(TraceContext.init(traceparent:))
        guard isRun else {
            // A plain job's fence is its claim.
            epoch = 0
            generation = 0
            parent = nil
            return
        }
        epoch = try row[8]
        generation = try row[9]
        let parentID: Int64? = try row[10]
        let parentEvent: String? = try row[11]
        if let parentID, let parentEvent {
            parent = (JobID(rawValue: parentID), parentEvent)
        } else {
            parent = nil
        }
    }
}
