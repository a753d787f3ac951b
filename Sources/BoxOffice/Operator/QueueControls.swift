internal import Jobs
package import Postgres

/// Holding queues, by operators.
package struct QueueControls: Sendable {
    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Holds a queue or lets it go on, and records who did, in one commit.
    ///
    /// - Returns: whether there is such a queue.
    package func setPaused(
        _ isPaused: Bool,
        queue: String,
        by holder: APIKeys.Holder
    ) async throws -> Bool {
        let store = JobStore(postgres: postgres)
        do {
            return try await postgres.withTransaction { tx in
                if try await store.setPaused(isPaused, queue: queue, in: &tx) {
                    try await AuditTrail.append(
                        isPaused ? "pause" : "resume",
                        byOperator: holder,
                        detail: ["queue": .string(queue)],
                        in: &tx
                    )
                }
                return true
            }
        } catch let error as JobsError where error.code == .unknownQueue {
            return false
        }
    }
}
