public import Postgres

/// A job as its table has it.
public struct JobRecord: Sendable {
    /// The job's number.
    public let id: JobID
    /// The name its code is registered under.
    public let name: String
    /// Where its next go is claimed.
    public let queue: String
    /// Where it stands.
    public let state: JobState
    /// How often it has been claimed.
    public let epoch: Int32
    /// Attempts that failed since the last progress.
    public let failures: Int16
    /// What the code is given.
    public let input: JSONB
    /// What the code returned, once done.
    public let output: JSONB?
    /// What went wrong last, if anything did.
    public let error: String?
    /// When it was enqueued.
    public let createdAt: PostgresTimestamp
    /// When it ended.
    public let finishedAt: PostgresTimestamp?

    init(row: Row) throws {
        id = JobID(rawValue: try row[0])
        name = try row[1]
        queue = try row[2]
        let name: String = try row[3]
        guard let state = JobState(rawValue: name) else {
            throw JobsError(code: .schema, message: "jobs.state has \(name), which this binary does not know")
        }
        self.state = state
        epoch = try row[4]
        failures = try row[5]
        input = try row[6]
        output = try row[7]
        error = try row[8]
        createdAt = try row[9]
        finishedAt = try row[10]
    }
}
