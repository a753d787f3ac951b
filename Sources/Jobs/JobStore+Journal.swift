public import Postgres

/// How far a job says it is.
public struct JobProgress: Sendable, Hashable {
    /// From 0 to 1.
    public let fraction: Double
    /// What it is doing; may be empty.
    public let message: String
    /// When this was written.
    public let at: PostgresTimestamp
}

/// One record of a job's own log.
public struct JobLogEntry: Sendable, Hashable {
    /// Its place in the log; grows.
    public let ordinal: Int64
    /// When the job said it, by the worker's clock.
    public let at: PostgresTimestamp
    /// Which attempt said it, from 1.
    public let attempt: Int
    /// How important it is.
    public let level: String
    /// What was said.
    public let message: String
    /// Its fields as an object of strings; nil if it has none.
    public let fields: JSONB?
}

extension JobStore {
    /// How far a job has said it is.
    ///
    /// - Returns: nil if it has said nothing.
    /// - Throws: ``PostgresError``.
    public func progress(of id: JobID) async throws -> JobProgress? {
        try await postgres.query(
            Query(
                "job_progress_get",
                "SELECT fraction, message, at FROM job_progress WHERE job_id = \(id.rawValue)"
            )
        ).first.map { JobProgress(fraction: try $0[0], message: try $0[1], at: try $0[2]) }
    }

    /// What a job has said in its log, oldest first.
    ///
    /// - Parameters:
    ///   - id: the job.
    ///   - ordinal: only what comes after this record, to follow a log; 0 is from the start.
    ///   - limit: the most that is returned.
    /// - Returns: up to `limit` records.
    /// - Throws: ``PostgresError``.
    public func log(of id: JobID, after ordinal: Int64 = 0, limit: Int = 1000) async throws -> [JobLogEntry] {
        try await postgres.query(
            Query(
                "job_logs_get",
                """
                SELECT ordinal, at, attempt, level, message, fields FROM job_logs
                WHERE job_id = \(id.rawValue) AND ordinal > \(ordinal)
                ORDER BY ordinal LIMIT \(Int64(limit))
                """
            )
        ).map { row in
            JobLogEntry(
                ordinal: try row[0],
                at: try row[1],
                attempt: Int(try row[2] as Int16),
                level: try row[3],
                message: try row[4],
                fields: try row[5]
            )
        }
    }
}
