public import Jobs
public import Postgres

/// A run in a list.
public struct RunSummary: Sendable, Hashable {
    /// The run's number.
    public let id: JobID
    /// The name of its workflow.
    public let workflow: String
    /// Where its next go is claimed.
    public let queue: String
    /// Where it stands.
    public let state: RunState
    /// Whether it is paused, or will be at its next commit.
    public let isPaused: Bool
    /// How often it has been claimed.
    public let epoch: Int32
    /// How often it has continued as new.
    public let generation: Int32
    /// Attempts that failed since the last progress.
    public let failures: Int16
    /// The version of its code it is pinned to; nil is any.
    public let codeVersion: Int?
    /// The run that waits for it.
    public let parent: JobID?
    /// The event its parent is told by.
    public let parentEvent: String?
    /// When it wakes by itself.
    public let wakesAt: PostgresTimestamp?
    /// The events that wake it.
    public let waitsFor: [String]
    /// What went wrong last, or why it is paused.
    public let error: String?
    /// When it was started.
    public let createdAt: PostgresTimestamp
    /// When it ended.
    public let finishedAt: PostgresTimestamp?

    /// Reads a row of ``RunView``, from a column on.
    init(row: Row, from first: Int = 0) throws {
        id = JobID(rawValue: try row[first])
        workflow = try row[first + 1]
        queue = try row[first + 2]
        let name: String = try row[first + 3]
        guard let state = RunState(rawValue: name) else {
            throw JobsError(code: .schema, message: "run \(id) is \(name), which this program does not know")
        }
        self.state = state
        isPaused = try row[first + 4]
        epoch = try row[first + 5]
        generation = try row[first + 6]
        failures = try row[first + 7]
        let version: Int32? = try row[first + 8]
        codeVersion = version.map(Int.init)
        let parent: Int64? = try row[first + 9]
        self.parent = parent.map(JobID.init(rawValue:))
        parentEvent = try row[first + 10]
        wakesAt = try row[first + 11]
        waitsFor = try row[first + 12] ?? []
        error = try row[first + 13]
        createdAt = try row[first + 14]
        finishedAt = try row[first + 15]
    }

    init(
        id: JobID,
        workflow: String,
        queue: String,
        state: RunState,
        codeVersion: Int? = nil,
        generation: Int32 = 0,
        failures: Int16 = 0,
        error: String? = nil,
        createdAt: PostgresTimestamp,
        finishedAt: PostgresTimestamp? = nil
    ) {
        self.id = id
        self.workflow = workflow
        self.queue = queue
        self.state = state
        self.codeVersion = codeVersion
        self.generation = generation
        self.failures = failures
        self.error = error
        self.createdAt = createdAt
        self.finishedAt = finishedAt
        isPaused = state == .paused
        epoch = 1
        parent = nil
        parentEvent = nil
        wakesAt = nil
        waitsFor = []
    }
}

/// Some of the runs that match a filter, newest first.
public struct RunPage: Sendable {
    /// The runs.
    public var runs: [RunSummary] = []
    /// Where the next page begins, to be given as `before`; nil when there is none.
    public var next: JobID?
}
