public import Postgres

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
    public let generation: Int32
    /// Attempts that failed since the last progress.
    public let failures: Int16
    /// What the code is given.
    public let input: JSONB
    /// The run that waits for this one.
    package let parent: (id: JobID, event: String)?

    package init(
        id: JobID,
        name: String,
        queue: String,
        homeQueue: String,
        epoch: Int32,
        generation: Int32,
        failures: Int16,
        input: JSONB,
        parent: (id: JobID, event: String)?
    ) {
        self.id = id
        self.name = name
        self.queue = queue
        self.homeQueue = homeQueue
        self.epoch = epoch
        self.generation = generation
        self.failures = failures
        self.input = input
        self.parent = parent
    }

    /// Reads a row of the claim statement.
    package init(claim row: Row) throws {
        id = JobID(rawValue: try row[0])
        name = try row[1]
        queue = try row[2]
        homeQueue = try row[3]
        epoch = try row[4]
        generation = try row[5]
        failures = try row[6]
        input = try row[7]
        let parentID: Int64? = try row[8]
        let parentEvent: String? = try row[9]
        if let parentID, let parentEvent {
            parent = (JobID(rawValue: parentID), parentEvent)
        } else {
            parent = nil
        }
    }
}
