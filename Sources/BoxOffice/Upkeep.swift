package import Postgres

/// Deletes what nobody will ask for again, a batch at a time, so that no deletion is long or locks much.
///
/// Each says whether there may be more.
package enum Upkeep {
    /// Answers under an Idempotency-Key that are a day old.
    ///
    /// The admission token that came with the key has expired by then.
    package static func forgetAnswers(in postgres: PostgresClient, batch: Int = 1_000) async throws -> Bool {
        try await postgres.execute(oldAnswers(batch)) == batch
    }

    /// Drops a part of the notifications when all in it are thirty days old; while one in it has failed, ninety days.
    package static func dropNotifications(in postgres: PostgresClient) async throws -> Bool {
        try await postgres.query(
            Query("upkeep.notifications", "SELECT drop_notification_range(interval '30 days')")
        )[0][0]
    }

    /// Deletes the keys of notifications that were dropped.
    package static func forgetKeys(in postgres: PostgresClient, batch: Int32 = 10_000) async throws -> Bool {
        let gone: Int32 = try await postgres.query(
            Query("upkeep.keys", "SELECT forget_notification_keys(\(batch))")
        )[0][0]
        return gone == batch
    }

    /// Makes the parts of the tables that are cut by time, before anybody needs them.
    ///
    /// A month of the audit; and when one part of the notifications has been in use for a week, the next one is begun.
    package static func makeParts(in postgres: PostgresClient) async throws -> Bool {
        _ = try await postgres.pipeline([
            Query("upkeep.order_ranges", "SELECT extend_order_ranges()"),
            Query("upkeep.notification_ranges", "SELECT extend_notification_ranges()"),
            Query(
                "upkeep.notification_turn",
                "SELECT turn_sequence('notification_ids', notification_range_size(), interval '7 days')"
            ),
            Query("upkeep.notification_ahead", "SELECT extend_notification_ranges()"),
            Query(
                "upkeep.audit_months",
                """
                SELECT ensure_audit_month(n.at), ensure_audit_month(date_trunc('month', n.at, 'UTC') + interval '40 days')
                FROM (SELECT usher_now()) AS n (at)
                """
            ),
        ])
        return false
    }

    /// How buyers wanted to be told, thirty days after their on-sale closed.
    package static func forgetContacts(in postgres: PostgresClient, batch: Int = 1_000) async throws -> Bool {
        try await postgres.execute(oldContacts(batch)) == batch
    }

    /// What gateways reported that have been gone for an hour.
    package static func forgetReports(in postgres: PostgresClient) async throws -> Bool {
        try await postgres.execute(oldReports())
        return false
    }

    /// Sessions of staff that are over, and wrong keys that count no more.
    package static func forgetSessions(in postgres: PostgresClient, batch: Int = 1_000) async throws -> Bool {
        let sessions = try await postgres.execute(oldSessions(batch))
        let failures = try await postgres.execute(oldFailures(batch))
        return max(sessions, failures) == batch
    }

    /// Uses `staff_sessions_by_age`.
    static func oldSessions(_ batch: Int) -> Query {
        Query(
            "upkeep.sessions",
            """
            DELETE FROM staff_sessions WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM staff_sessions
                WHERE expires_at < (SELECT usher_now()) ORDER BY expires_at LIMIT \(batch)))
            """
        )
    }

    /// Uses `wrong_keys_by_age`; a lock-out lasts no longer than an hour after the count began.
    static func oldFailures(_ batch: Int) -> Query {
        Query(
            "upkeep.wrong_keys",
            """
            DELETE FROM wrong_keys WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM wrong_keys
                WHERE began_at < (SELECT usher_now()) - interval '1 hour' ORDER BY began_at LIMIT \(batch)))
            """
        )
    }

    /// Reads a row for each gateway of the last hour.
    static func oldReports() -> Query {
        Query(
            "upkeep.reports",
            "DELETE FROM gateway_reports WHERE reported_at < (SELECT usher_now()) - interval '1 hour'"
        )
    }

    /// Looks at each on-sale, and uses the primary key of `contacts`.
    static func oldContacts(_ batch: Int) -> Query {
        Query(
            "upkeep.contacts",
            """
            DELETE FROM contacts WHERE ctid = ANY (ARRAY (
                SELECT c.ctid FROM on_sales o CROSS JOIN LATERAL (
                    SELECT ctid FROM contacts WHERE on_sale_id = o.on_sale_id LIMIT \(batch)) c
                WHERE o.closes_at < (SELECT usher_now()) - interval '30 days' LIMIT \(batch)))
            """
        )
    }

    /// Uses `idempotency_keys_by_age`.
    static func oldAnswers(_ batch: Int) -> Query {
        Query(
            "upkeep.answers",
            """
            DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM idempotency_keys
                WHERE created_at < (SELECT usher_now()) - interval '24 hours' ORDER BY created_at LIMIT \(batch)))
            """
        )
    }
}
