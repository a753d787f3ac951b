import Postgres
import Scheduler
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice

@Suite(.timeLimit(.minutes(5)))
struct UpkeepTests {
    /// Answers that are `hours` old and notifications that are as many days old, from 1 on.
    private func fill(_ client: PostgresClient, _ count: Int) async throws {
        try await client.execute(
            Query(
                "test.answers",
                """
                INSERT INTO idempotency_keys (admission_id, route, key, body_hash, response, created_at)
                SELECT n, 'r', 'k', 'h', '{}', usher_now() - make_interval(hours => n::integer)
                FROM generate_series(1, \(count)) AS n
                """
            )
        )
        try await client.execute(
            Query(
                "test.notifications",
                """
                INSERT INTO notifications (kind, recipient, payload, dedupe_key, state, created_at, settled_at)
                SELECT 'sold', 'r', '{}', state || n, state, at, CASE WHEN state <> 'pending' THEN at END
                FROM generate_series(1, \(count)) AS n,
                    unnest('{pending,sent,dropped,failed}'::text[]) AS state,
                    LATERAL (SELECT usher_now() - make_interval(days => n::integer)) AS t (at)
                """
            )
        )
    }

    private func count(_ client: PostgresClient, _ sql: SQL) async throws -> Int {
        try await client.query(Query("test.count", sql))[0][0]
    }

    @Test func `The leading scheduler deletes what is too old, batch by batch, and leaves the rest`()
        async throws
    {
        try await withDatabase { database in
            let client = database.client
            try await fill(client, 60)
            let scheduler = JobScheduler(
                postgres: client,
                name: "test",
                chores: [
                    Chore("answers") { try await Upkeep.forgetAnswers(in: $0, batch: 7) },
                    Chore("notifications") { try await Upkeep.forgetNotifications(in: $0, batch: 7) },
                ],
                logger: Logger(label: "test", level: .error)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await scheduler.run() }
                defer { scheduler.stop() }
                let left: SQL = """
                    SELECT (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM notifications)
                    """
                // 23 answers; of the notifications, 60 that wait, 60 that failed, and 29 of the others each.
                while try await count(client, left) > 23 + 120 + 58 {
                    try await client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
                }
                #expect(try await count(client, "SELECT max(admission_id) FROM idempotency_keys") == 23)
                #expect(
                    try await count(
                        client,
                        "SELECT count(*) FROM notifications WHERE state IN ('sent', 'dropped')"
                    )
                        == 58
                )
                #expect(try await count(client, left) == 23 + 120 + 58)
            }
        }
    }

    @Test func `Finding what is old reads no whole table`() async throws {
        try await withDatabase { database in
            try await fill(database.client, 5_000)
            try await database.client.execute(Query("test.analyze", "ANALYZE"))
            for (query, index) in [
                (Upkeep.oldAnswers(10), "idempotency_keys_by_age"),
                (Upkeep.oldNotifications(10), "notifications_by_age"),
            ] {
                let lines: [String] = try await database.client.withTransaction { tx in
                    try await tx.query(query.explained()).map { try $0[0] }
                }
                let plan = lines.joined(separator: "\n")
                #expect(plan.contains(index) && !plan.contains("Seq Scan on"), "\(plan)")
            }
        }
    }
}
