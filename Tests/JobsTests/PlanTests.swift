import Jobs
import Postgres
import Testing
import TestSupport

/// Hot statements read what they must and no more: asserted on the plans Postgres makes over a seeded backlog.
@Suite(.timeLimit(.minutes(5)))
struct PlanTests {
    /// Runs a statement under EXPLAIN ANALYZE and rolls it back.
    private func plan(_ database: TestDatabase, _ query: Query) async throws -> String {
        struct RollBack: Error {}
        var lines: [String] = []
        do {
            try await database.client.withTransaction { tx in
                lines = try await tx.query(query.explained()).map { try $0[0] }
                throw RollBack()
            }
        } catch is RollBack {}
        return lines.joined(separator: "\n")
    }

    private func seed(_ database: TestDatabase) async throws {
        try await JobStore(postgres: database.client).ensureQueue("default")
        try await database.client.execute(
            Query(
                "seed_jobs",
                """
                INSERT INTO jobs (id, name, home_queue, queue, is_run, state, input)
                SELECT nextval('job_ids'), 'x', 'default', 'default', n % 2 = 0,
                    CASE WHEN n % 2 = 0 THEN 'ready' ELSE 'queued' END::job_state, '{}'
                FROM generate_series(1, 40000) n
                """
            )
        )
        try await database.client.execute(
            Query("seed_ready", "INSERT INTO ready SELECT 0, id, (id / 2 % 4)::integer, is_run FROM jobs")
        )
        try await database.client.execute(
            Query(
                "seed_timers",
                "INSERT INTO timers SELECT usher_now() + make_interval(secs => id - 100), id FROM jobs"
            )
        )
        try await database.client.execute(Query("seed_analyze", "ANALYZE"))
    }

    @Test func `The hot statements walk their indexes`() async throws {
        try await withDatabase { database in
            try await seed(database)
            let claim = try await plan(
                database,
                JobStatements.claim(LaneLeaf(number: 1, queue: "default"), limit: 50, worker: 1)
            )
            #expect(
                claim.contains("Index Scan using ready_1_pkey")
                    || claim.contains("Index Only Scan using ready_1_pkey")
            )
            #expect(!claim.contains("Seq Scan on ready"), "\(claim)")
            #expect(!claim.contains("Seq Scan on jobs_0"), "\(claim)")
            #expect(claim.contains("rows=50"), "\(claim)")

            let ids = (0..<50).map { JobID(rawValue: Int64($0 * 100 + 1)) }
            let lock = try await plan(database, JobStatements.lock(ids))
            #expect(!lock.contains("Seq Scan on jobs_0"), "\(lock)")

            let finish = try await plan(
                database,
                JobStatements.finish(ids.map { JobOutcome(id: $0, next: .done(output: JSONB(text: "1"))) })
            )
            #expect(!finish.contains("Seq Scan on jobs_0"), "\(finish)")

            let promote = try await plan(database, JobStatements.promoteDue(limit: 20))
            #expect(promote.contains("timers_pkey"), "\(promote)")
            #expect(!promote.contains("Seq Scan on jobs_0"), "\(promote)")

            let deliver = try await plan(database, JobStatements.deliver([(ids[0], "e", JSONB(text: "1"))]))
            #expect(!deliver.contains("Seq Scan on jobs_0"), "\(deliver)")
        }
    }
}
