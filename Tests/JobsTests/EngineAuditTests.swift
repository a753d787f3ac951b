import Jobs
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EngineAuditTests {
    /// A statement that breaks a promise, and the beginning of the name of the check that must notice.
    struct Violation: Sendable, CustomTestStringConvertible {
        let name: String
        let sql: SQL
        var testDescription: String { name }
    }

    private static let violations: [Violation] = [
        Violation(name: "every ready job can be claimed", sql: "DELETE FROM ready WHERE is_run"),
        Violation(name: "every job that waits for a time has its timer", sql: "DELETE FROM timers"),
        Violation(
            name: "every parked run waits for something that has not come",
            sql:
                "INSERT INTO events (job_id, name, payload) SELECT id, 'poked', '1' FROM jobs WHERE state = 'waiting'"
        ),
        Violation(
            name: "every parked run waits for something that has not come",
            sql: "UPDATE jobs SET waiting_for = NULL, wake_at = NULL WHERE state = 'waiting'"
        ),
        Violation(
            name: "every running job would be found again if its worker died",
            sql: "DELETE FROM claims WHERE is_run"
        ),
        Violation(
            name: "no queued job was lost between its lane, its claim and its closure",
            sql: "DELETE FROM claims WHERE NOT is_run"
        ),
        Violation(
            name: "no queued job was lost between its lane, its claim and its closure",
            sql: "DELETE FROM ready WHERE NOT is_run"
        ),
        Violation(
            name: "no plain job is in two places at once",
            sql:
                "INSERT INTO ready (rank, job_id, lane, is_run) SELECT 0, job_ids[1], 3, false FROM claims WHERE NOT is_run"
        ),
        Violation(
            name: "no queued job was lost between its lane, its claim and its closure",
            sql: "DELETE FROM blocked"
        ),
        Violation(
            name: "no plain job is in two places at once",
            sql: "INSERT INTO blocked SELECT 'keyed', 'a', 0, job_id, 0 FROM admitted"
        ),
        Violation(
            name: "a key's slots are held by its ready and running jobs, one each",
            sql: "DELETE FROM admitted"
        ),
        Violation(
            name: "a key's slots are held by its ready and running jobs, one each",
            sql: "INSERT INTO admitted SELECT 'keyed', 'b', job_id, 0 FROM blocked"
        ),
        Violation(
            name: "no blocked job waits for a key that has room and of which nobody was told",
            sql: "UPDATE queue_limits SET key_max_running = 2"
        ),
        Violation(
            name: "no parent waits for a child that has ended",
            sql: """
                UPDATE jobs SET parent_id = (SELECT max(id) FROM jobs WHERE state = 'waiting'), parent_event = 'poked'
                WHERE state = 'done'
                """
        ),
        Violation(
            name: "every fan-in waits for children that have not ended",
            sql: "INSERT INTO fan_ins SELECT max(id), 'children:x', 1 FROM jobs WHERE state = 'waiting'"
        ),
        Violation(
            name: "no checkpoint was written under an epoch that its run never had",
            sql: """
                INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch)
                SELECT id, 0, 'forged', 0, '1', epoch + 1 FROM jobs
                """
        ),
        Violation(
            name: "nothing was written to a run after its end",
            sql: "UPDATE jobs SET finished_at = NULL WHERE state = 'done'"
        ),
    ]

    /// A job in every state.
    private func populate(_ database: TestDatabase) async throws {
        let store = JobStore(postgres: database.client)
        try await store.ensureQueue("default", lanes: 1)
        let input = JSONB(text: "0")
        let ids = try await store.enqueue(
            (0..<6).map { _ in NewJob.run(name: "x", queue: "default", input: input) }
        )
        let leaf = LaneLeaf(number: 0, queue: "default")
        _ = try await database.client.query(JobStatements.claim(leaf, limit: 5, worker: 1))
        let later = PostgresTimestamp.now + .seconds(3600)
        _ = try await database.client.query(
            JobStatements.finish([
                JobOutcome(id: ids[0], next: .done(output: input)),
                JobOutcome(id: ids[1], next: .failed(error: "no")),
                JobOutcome(id: ids[2], next: .retry(at: later, failures: 1, error: "not yet")),
                JobOutcome(id: ids[3], next: .waiting(events: ["poked"], until: nil)),
            ])
        )
        // Plain jobs: one done, one held, one ready.
        try await store.ensureQueue("plain", lanes: 1)
        let plain = try await store.enqueue(
            (0..<3).map { _ in NewJob(name: "x", queue: "plain", input: input) }
        )
        let plainLeaf = LaneLeaf(number: 2, queue: "plain")
        let rows = try await database.client.query(JobStatements.claim(plainLeaf, limit: 2, worker: 1))
        let claimed = try rows.map { try ClaimedJob(claim: $0, from: "plain") }
        _ = try await database.client.query(
            JobStatements.settle([JobEnd(batch: claimed[0].batch, id: plain[0], next: .done(output: nil))])
        )
        // Of a key: one admitted, one blocked.
        try await store.ensureQueue("keyed", lanes: 1)
        try await store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: "keyed")
        _ = try await store.enqueue(
            (0..<2).map { _ in NewJob(name: "x", queue: "keyed", input: input, limitKey: "a") }
        )
        _ = try await database.client.query(LimitStatements.dispatch(queue: "keyed", most: 10))
    }

    @Test func `Tables in order pass every check`() async throws {
        try await withDatabase { database in
            try await populate(database)
            for check in EngineAudit.checks {
                #expect(try await check.offenders(in: database.client).isEmpty, "\(check.name)")
            }
        }
    }

    @Test(arguments: violations) func `A promise broken by hand is noticed`(
        _ violation: Violation
    ) async throws {
        try await withDatabase { database in
            try await populate(database)
            try await database.client.execute(Query("test_violation", violation.sql))
            var noticed: [String] = []
            for check in EngineAudit.checks where try await !check.offenders(in: database.client).isEmpty {
                noticed.append(check.name)
            }
            #expect(noticed.contains(violation.name), "noticed: \(noticed)")
        }
    }
}
