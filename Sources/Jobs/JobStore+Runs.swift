package import Postgres

// What operators do with runs.
extension JobStore {
    /// Pauses runs; those that are paused or over are left alone.
    ///
    /// - Returns: those that were not paused before.
    package func pause(_ runs: [JobID]) async throws -> [JobID] {
        try await Self.pause(runs, in: postgres)
    }

    /// Pauses runs in the caller's transaction.
    ///
    /// - Returns: those that were not paused before.
    package static func pause(
        _ runs: [JobID],
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [JobID] {
        try await database.query(JobStatements.pause(runs)).map { JobID(rawValue: try $0[0]) }
    }

    /// Lets paused runs go on.
    ///
    /// - Returns: those that were paused.
    package func resume(_ runs: [JobID]) async throws -> [JobID] {
        let (resumed, queues) = try await Self.resume(runs, in: postgres)
        wake(queues)
        return resumed
    }

    /// Lets paused runs go on in the caller's transaction.
    ///
    /// - Returns: those that were paused, and the queues to wake after the commit.
    package static func resume(
        _ runs: [JobID],
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> (resumed: [JobID], queues: Set<String>) {
        let rows = try await database.query(JobStatements.resume(runs))
        return (
            try rows.map { JobID(rawValue: try $0[0]) }, Set(try rows.compactMap { try $0[1] as String? })
        )
    }
}
