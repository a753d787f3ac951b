internal import Jobs
package import Postgres
internal import Workflows

/// A notification as operators see it: never to which address it goes.
package struct NotificationRecord: Sendable {
    package let id: Int64
    package let kind: String
    package let state: String
    package let recipient: String
    package let channel: String?
    package let template: String?
    package let attempts: Int
    package let detail: String?
    package let createdAt: PostgresTimestamp
    package let settledAt: PostgresTimestamp?
}

/// What operators do with notifications.
package struct Notifications: Sendable {
    private let postgres: PostgresClient
    private let workflows: WorkflowClient

    package init(postgres: PostgresClient) {
        self.postgres = postgres
        workflows = WorkflowClient(postgres: postgres)
    }

    /// Those that failed for good, the latest first.
    ///
    /// Uses `notifications_failed`.
    ///
    /// - Parameters:
    ///   - id: the last of the page before; nil is the first page.
    ///   - limit: the most that are returned.
    /// - Returns: up to `limit` of them.
    /// - Throws: `PostgresError`.
    package func failed(before id: Int64?, limit: Int) async throws -> [NotificationRecord] {
        try await postgres.query(
            Query(
                "notifications.failed",
                """
                SELECT id, kind, state, recipient, channel, template, attempts, detail, created_at, settled_at
                FROM notifications WHERE state = 'failed' AND id < \(id ?? .max) ORDER BY id DESC LIMIT \(limit)
                """
            )
        ).map { row in
            NotificationRecord(
                id: try row[0],
                kind: try row[1],
                state: try row[2],
                recipient: try row[3],
                channel: try row[4],
                template: try row[5],
                attempts: try row[6],
                detail: try row[7],
                createdAt: try row[8],
                settledAt: try row[9]
            )
        }
    }

    /// Delivers once more what was sent or has failed, as it is now: contact and template are looked up again.
    ///
    /// - Returns: false when there is no such notification, or it is on its way.
    package func replay(_ id: Int64, by holder: APIKeys.Holder) async throws -> Bool {
        try await postgres.withTransaction { tx in
            let row = try await tx.first(
                Query(
                    "notifications.replay",
                    """
                    UPDATE notifications SET state = 'pending', settled_at = NULL, detail = NULL, not_after = NULL
                    WHERE id = \(id) AND state IN ('sent', 'failed', 'dropped') RETURNING dedupe_key
                    """
                )
            )
            guard let key: String = try row?[0] else { return false }
            _ = try await workflows.start(Notify.self, key, in: &tx)
            let detail: [String: PlanValue] = ["notification": .integer(Int(id))]
            try await AuditTrail.append("replay_notification", byOperator: holder, detail: detail, in: &tx)
            return true
        }
    }
}
