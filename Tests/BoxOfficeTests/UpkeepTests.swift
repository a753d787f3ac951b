import Postgres
import Scheduler
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice

@Suite(.timeLimit(.minutes(5)))
struct UpkeepTests {
    /// Answers that are 1, 2, 3 and so on hours old.
    private func answer(_ client: PostgresClient, _ count: Int) async throws {
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
    }

    /// Writes notifications, which are so old, in this state.
    private func tell(
        _ client: PostgresClient,
        _ count: Int,
        _ what: String,
        days: Int,
        state: String
    ) async throws {
        let keys = (0..<count).map { "\(what):\($0)" }
        try await client.execute(
            Query(
                "test.tell",
                """
                SELECT count(*) FROM write_notifications(array_fill('sold'::text, ARRAY[\(Int32(count))]),
                    array_fill('r'::text, ARRAY[\(Int32(count))]), array_fill('{}'::jsonb, ARRAY[\(Int32(count))]),
                    \(keys), NULL)
                """
            )
        )
        try await client.execute(
            Query(
                "test.age",
                """
                UPDATE notifications SET state = \(state), settled_at = usher_now(),
                    created_at = usher_now() - make_interval(days => \(Int32(days)))
                WHERE dedupe_key LIKE \(what + ":%")
                """
            )
        )
    }

    /// Goes on to the next part of the notifications, as a week does.
    private func turn(_ client: PostgresClient) async throws {
        _ = try await Upkeep.makeParts(in: client)
        try await client.execute(
            Query("test.span", "UPDATE sequence_spans SET began_at = began_at - interval '8 days'")
        )
        _ = try await Upkeep.makeParts(in: client)
    }

    private func count(_ client: PostgresClient, _ sql: SQL) async throws -> Int {
        try await client.query(Query("test.count", sql))[0][0]
    }

    @Test func `The leading scheduler deletes answers that are too old, batch by batch, and leaves the rest`()
        async throws
    {
        try await withDatabase { database in
            let client = database.client
            try await answer(client, 60)
            let scheduler = JobScheduler(
                postgres: client,
                name: "test",
                chores: [Chore("answers") { try await Upkeep.forgetAnswers(in: $0, batch: 7) }],
                logger: Logger(label: "test", level: .error)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await scheduler.run() }
                defer { scheduler.stop() }
                while try await count(client, "SELECT count(*) FROM idempotency_keys") > 23 {
                    try await client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
                }
                #expect(try await count(client, "SELECT max(admission_id) FROM idempotency_keys") == 23)
            }
        }
    }

    @Test
    func `A part of the notifications goes as a whole, when nothing in it is young, waits or has failed`()
        async throws
    {
        try await withDatabase { database in
            let client = database.client
            let tables: SQL = """
                SELECT count(*) FROM pg_inherits WHERE inhparent = 'notifications'::regclass
                """
            let keys: SQL = "SELECT count(*) FROM notification_keys"
            try await tell(client, 30, "old", days: 31, state: "sent")
            try await tell(client, 1, "odd", days: 29, state: "dropped")
            #expect(try await Upkeep.dropNotifications(in: client) == false, "it is still being filled")
            try await turn(client)
            try await tell(client, 5, "new", days: 0, state: "sent")
            #expect(try await count(client, tables) == 3)
            #expect(try await Upkeep.dropNotifications(in: client) == false, "one is young")
            try await tell(client, 1, "odd", days: 31, state: "pending")
            #expect(try await Upkeep.dropNotifications(in: client) == false, "one waits")
            try await tell(client, 1, "odd", days: 31, state: "failed")
            #expect(try await Upkeep.dropNotifications(in: client) == false, "one has failed")
            try await tell(client, 1, "odd", days: 91, state: "failed")
            #expect(try await Upkeep.dropNotifications(in: client))
            #expect(try await Upkeep.dropNotifications(in: client) == false)
            #expect(try await count(client, tables) == 2)
            #expect(try await count(client, "SELECT count(*) FROM notifications") == 5)
            // Its keys follow, batch by batch, and nobody else's.
            #expect(try await count(client, keys) == 36)
            #expect(try await Upkeep.forgetKeys(in: client, batch: 20))
            #expect(try await Upkeep.forgetKeys(in: client, batch: 20) == false)
            #expect(try await count(client, keys) == 5)
            #expect(try await Upkeep.forgetKeys(in: client, batch: 20) == false)
            // What was dropped can be told again, what is there can't.
            try await tell(client, 30, "old", days: 0, state: "sent")
            try await tell(client, 5, "new", days: 0, state: "sent")
            #expect(try await count(client, "SELECT count(*) FROM notifications") == 35)
        }
    }

    @Test func `Dropping a part waits for nobody, so that nobody waits for it`() async throws {
        try await withDatabase { database in
            let client = database.client
            try await tell(client, 3, "old", days: 31, state: "sent")
            try await turn(client)
            try await client.withTransaction { reader in
                _ = try await reader.query(Query("test.read", "SELECT count(*) FROM notifications"))
                #expect(try await Upkeep.dropNotifications(in: client) == false)
            }
            #expect(try await Upkeep.dropNotifications(in: client))
        }
    }

    @Test func `A month of the audit is made before it begins, and one that was not loses nothing`()
        async throws
    {
        try await RoomFixture.with { room in
            let parts: SQL = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass"
            #expect(try await count(room.postgres, parts) == 3)
            // From any day of one month into the month after the next.
            try await room.pass(.seconds(62 * 86_400))
            _ = try await Upkeep.makeParts(in: room.postgres)
            #expect(try await count(room.postgres, parts) == 5)
            // A year that nobody worked through.
            try await room.pass(.seconds(370 * 86_400))
            try await room.onSales.setMessage(room.onSale, "Late.", by: "test")
            #expect(try await count(room.postgres, "SELECT count(*) FROM audit_entries_other") == 1)
            _ = try await Upkeep.makeParts(in: room.postgres)
            try await room.onSales.setMessage(room.onSale, "Later.", by: "test")
            #expect(try await room.offenders() == [])
            #expect(try await count(room.postgres, "SELECT count(*) FROM audit_entries_other") == 2)
        }
    }

    @Test func `Finding what is old reads no whole table`() async throws {
        try await withDatabase { database in
            try await answer(database.client, 5_000)
            try await database.client.execute(Query("test.analyze", "ANALYZE"))
            let lines: [String] = try await database.client.withTransaction { tx in
                try await tx.query(Upkeep.oldAnswers(10).explained()).map { try $0[0] }
            }
            let plan = lines.joined(separator: "\n")
            #expect(plan.contains("idempotency_keys_by_age") && !plan.contains("Seq Scan on"), "\(plan)")
        }
    }
}
