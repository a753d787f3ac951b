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

    /// Notifications that were sent, or dropped for being late, thirty days after they were written.
    ///
    /// Those that failed stay for whoever looks into it.
    package static func forgetNotifications(
        in postgres: PostgresClient,
        batch: Int = 1_000
    ) async throws -> Bool {
        try await postgres.execute(oldNotifications(batch)) == batch
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

    /// Uses `notifications_by_age`.
    static func oldNotifications(_ batch: Int) -> Query {
        Query(
            "upkeep.notifications",
            """
            DELETE FROM notifications WHERE ctid = ANY (ARRAY (
                SELECT ctid FROM notifications
                WHERE created_at < (SELECT usher_now()) - interval '30 days' AND state IN ('sent', 'dropped')
                ORDER BY created_at LIMIT \(batch)))
            """
        )
    }
}
