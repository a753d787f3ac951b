internal import Postgres

/// Holds worker processes back until everything is measured that comes before them.
///
/// The parent has an advisory lock of the database, keyed by the schema; the workers wait to share it.
enum BenchGate {
    private static let name = "usher bench"

    /// Keeps the gate closed while `body` runs on other connections.
    static func closed<Result>(
        _ postgres: PostgresClient,
        while body: () async throws -> Result
    ) async throws -> Result {
        try await postgres.withConnection { connection in
            try await connection.execute(
                Query(
                    "bench_gate_close",
                    "SELECT pg_advisory_lock(hashtext(\(name)), hashtext(current_schema()))"
                )
            )
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            try await connection.execute(
                Query(
                    "bench_gate_open",
                    "SELECT pg_advisory_unlock(hashtext(\(name)), hashtext(current_schema()))"
                )
            )
            return try result.get()
        }
    }

    /// Returns when the gate is open.
    static func pass(_ postgres: PostgresClient) async throws {
        try await postgres.execute(
            Query(
                "bench_gate_pass",
                """
                WITH passed AS MATERIALIZED (
                    SELECT pg_advisory_xact_lock_shared(hashtext(\(name)), hashtext(current_schema()))
                )
                SELECT count(*) FROM passed
                """
            )
        )
    }
}
