package import Postgres

/// What a run's locked row says when a transaction begins: whether the run is still this claim's, and what has been
/// asked of it.
package struct RunFence: Sendable {
    /// The number of its last claim.
    package let epoch: Int32
    /// Whether a worker has it.
    package let isRunning: Bool
    /// Whether somebody wants it to end.
    package let isCancelled: Bool
    /// Whether somebody wants it to stand still.
    package let isPaused: Bool
    /// The version of its code it is pinned to; nil is any.
    package let codeVersion: Int?
    /// When it times out.
    package let deadline: PostgresTimestamp?
    /// Whether it is known to have code to run when it is cancelled.
    package var cleansUp: Bool

    /// When it was enqueued.
    package let createdAt: PostgresTimestamp

    /// Reads a row of ``JobStatements/lock(_:)``.
    package init(row: Row) throws {
        epoch = try row[1]
        isRunning = try row[2] as String == JobState.running.rawValue
        isCancelled = try row[3]
        isPaused = try row[5]
        let version: Int32? = try row[6]
        codeVersion = version.map(Int.init)
        deadline = try row[7]
        cleansUp = try row[8]
        createdAt = try row[9]
    }

    /// A run as its first go begins, in the transaction that makes it.
    package init(eager job: NewJob, now: PostgresTimestamp, createdAt: PostgresTimestamp) {
        epoch = 1
        isRunning = true
        isCancelled = false
        isPaused = false
        codeVersion = job.codeVersion
        deadline = job.timeout.map { now + $0 }
        cleansUp = false
        self.createdAt = createdAt
    }
}
