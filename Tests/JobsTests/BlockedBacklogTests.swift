import Foundation
import Jobs
import Postgres
import TestSupport
import Testing

/// A million blocked jobs cost claims and dispatches nothing.
@Suite(.timeLimit(.minutes(5)))
struct BlockedBacklogTests {
    /// Blocked rows that the running transaction has read so far, by index and otherwise.
    private func reads(_ tx: inout Transaction) async throws -> (byIndex: Int64, byScan: Int64) {
        let rows = try await tx.query(
            Query(
                "t_reads",
                """
                SELECT sum(idx_tup_fetch)::bigint, sum(seq_tup_read)::bigint FROM pg_stat_xact_user_tables
                WHERE schemaname = current_schema() AND relname = 'blocked'
                """
            )
        )
        return (try rows[0][0], try rows[0][1])
    }

    private func shown(_ database: TestDatabase) async throws -> [EngineView.QueueRow] {
        try await database.client.query(EngineView.queues()).map { row in
            try JSONDecoder().decode(EngineView.QueueRow.self, from: Data((try row[0] as JSONB).bytes))
        }
    }

    @Test func `What is blocked is counted for each queue while it is little`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.ensureQueue("other")
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 2)), queue: "q")
            _ = try await desk.enqueue(9, "a")
            try await desk.dispatch()
            let rows = try await shown(database)
            #expect(rows.map(\.blocked) == [0, 7] && !rows.contains(where: \.blocked_is_estimate))
        }
    }

    @Test func `A dispatch reads the blocked jobs it moves, of a million, and a claim none`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 20)), queue: "q")
            let ids = try await desk.enqueue(100, "flood")
            try await database.client.execute(
                Query(
                    "seed_jobs",
                    """
                    INSERT INTO jobs (id, name, home_queue, queue, state, rank, limit_key, input)
                    SELECT n, 'x', 'q', 'q', 'queued', 9000000000000000, 'flood', '{}'
                    FROM generate_series(1000000, 1049999) n
                    """
                )
            )
            // Nobody looks at the jobs behind most of them, so that those need no rows of their own.
            try await database.client.execute(
                Query(
                    "seed_blocked",
                    "INSERT INTO blocked SELECT 'q', 'flood', 9000000000000000, n, 0 FROM generate_series(1000000, 1999899) n"
                )
            )
            try await database.client.execute(Query("seed_analyze", "ANALYZE blocked, jobs"))
            #expect(try await desk.count("blocked") == 1_000_000)
            // Operators see about so many; what has been inserted may be counted twice for a moment.
            #expect(
                try await shown(database).allSatisfy {
                    $0.blocked_is_estimate && (900_000...2_100_000).contains($0.blocked)
                }
            )

            struct RollBack: Error {}
            try? await database.client.withTransaction { tx in
                let before = try await reads(&tx)
                let row = try await tx.query(LimitStatements.dispatch(queue: "q", most: 500))[0]
                #expect(try row[1] as Int64 == 20)
                let after = try await reads(&tx)
                #expect(after.byScan == before.byScan)
                // Each is read once to be picked and once to be deleted.
                #expect(after.byIndex - before.byIndex <= 2 * 20, "\(after.byIndex - before.byIndex)")
                throw RollBack()
            }

            try await desk.dispatch()
            let leaf = LaneLeaf(number: 0, queue: "q", isKeyed: true, isLimited: true)
            let plan = try await database.client.query(
                JobStatements.claim(leaf, limit: 50, worker: 1).explained()
            ).map { try $0[0] as String }.joined(separator: "\n")
            #expect(!plan.contains("blocked"), "\(plan)")
            #expect(!plan.contains("Seq Scan on jobs_0"), "\(plan)")
            #expect(plan.contains("rows=20"), "\(plan)")
            #expect(try await desk.states(Array(ids[19...20])) == [.running, .blocked])
        }
    }
}
