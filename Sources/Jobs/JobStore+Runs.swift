internal import Postgres

// What operators do with runs.
extension JobStore {
    /// Pauses runs; those that are paused or over are left alone.
    ///
    /// - Returns: those that were not paused before.
    package func pause(_ runs: [JobID]) async throws -> [JobID] {
        try await postgres.query(JobStatements.pause(runs)).map { JobID(rawValue: try $0[0]) }
    }

    /// Lets paused runs go on.
    ///
    /// - Returns: those that were paused.
    package func resume(_ runs: [JobID]) async throws -> [JobID] {
        let rows = try await postgres.query(JobStatements.resume(runs))
        wake(Set(try rows.compactMap { try $0[1] as String? }))
        return try rows.map { JobID(rawValue: try $0[0]) }
    }
}
