package import Postgres

extension JobStore {
    /// Makes a scheduled job due at once: one that waits for its time, or for its next attempt.
    ///
    /// The leading scheduler makes it ready within its round.
    ///
    /// - Returns: whether there was such a job.
    /// - Throws: ``PostgresError``.
    public func runNow(_ id: JobID) async throws -> Bool {
        try await Self.runNow(id, in: postgres)
    }

    /// Makes a scheduled job due at once, in the caller's transaction.
    ///
    /// - Returns: whether there was such a job.
    package static func runNow(
        _ id: JobID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> Bool {
        let rows = try await database.query(
            Query(
                "jobs_run_now",
                """
                WITH job AS MATERIALIZED (
                    SELECT id, wake_at FROM jobs WHERE id = \(id.rawValue) AND state = 'scheduled' FOR NO KEY UPDATE
                ), gone AS (
                    DELETE FROM timers t USING job j WHERE t.wake_at = j.wake_at AND t.job_id = j.id
                ), moved AS (
                    UPDATE jobs j SET wake_at = (SELECT usher_now()) FROM job WHERE j.id = job.id
                    RETURNING j.id, j.wake_at
                ), timed AS (
                    INSERT INTO timers (wake_at, job_id) SELECT wake_at, id FROM moved ON CONFLICT DO NOTHING
                )
                SELECT id FROM moved
                """
            )
        )
        return !rows.isEmpty
    }
}
