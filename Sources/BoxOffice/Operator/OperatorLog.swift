package import Postgres

/// What operators did, as their chain of the audit has it.
package enum OperatorLog {
    /// One thing that was done.
    package struct Entry: Sendable {
        package let ordinal: Int32
        package let at: PostgresTimestamp
        package let actor: String
        package let action: String
        /// JSON.
        package let detail: String
    }

    /// A page of what was done, the latest first.
    ///
    /// Primary key of `audit_entries`.
    ///
    /// - Throws: `PostgresError`.
    package static func page(
        before ordinal: Int32?,
        limit: Int,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [Entry] {
        try await database.query(
            Query(
                "operator_log.page",
                """
                SELECT ordinal, recorded_at, actor, action, detail FROM audit_entries
                WHERE on_sale_id = 0 AND ordinal < \(ordinal ?? .max) ORDER BY ordinal DESC LIMIT \(Int64(limit))
                """
            )
        ).map { row in
            Entry(
                ordinal: try row[0],
                at: try row[1],
                actor: try row[2],
                action: try row[3],
                detail: try row[4]
            )
        }
    }
}
