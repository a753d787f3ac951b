internal import Postgres
internal import Reactor

extension Transaction {
    /// Runs `body` with a limit to how long each of its statements may take.
    ///
    /// - Throws: ``WorkflowError`` (`timedOut`) when one took longer; what `body` throws.
    mutating func limitingStatements<Output>(
        to timeout: Duration,
        what: String,
        _ body: (inout Transaction) async throws -> Output
    ) async throws -> Output {
        let before: String = try await query(
            Query("statement_timeout", "SELECT current_setting('statement_timeout')")
        )[0][0]
        _ = try await query(Self.limit("\(max(1, Int64(timeout.seconds * 1000)))"))
        let output: Output
        do {
            output = try await body(&self)
        } catch let error as PostgresError where error.sqlState == .queryCanceled && !Task.isCancelled {
            // The rollback that follows takes the limit away as well.
            throw WorkflowError(
                code: .timedOut,
                message: "a statement of step \(what) took longer than \(timeout.seconds) s"
            )
        }
        _ = try await query(Self.limit(before))
        return output
    }

    private static func limit(_ value: String) -> Query {
        Query("statement_timeout_set", "SELECT set_config('statement_timeout', \(value), true)")
    }
}
