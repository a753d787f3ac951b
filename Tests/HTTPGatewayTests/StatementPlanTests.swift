import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import HTTPGateway

/// The gateway's own statements; what buyers call is the box office's.
@Suite("The plans of the gateway's statements", .timeLimit(.minutes(5)))
struct StatementPlanTests {
    private static let plans = [
        // Counts every ready job once, in the leaves of its queue.
        StatementPlan("operator.queues", [], rows: 16_000, whole: ["ready"])
    ]
    private static let excused = [
        "operator.workers": "a row per process that lives", "operator.pools": "a row per pool",
        "replica.primary_position": "reads no table", "replica.position": "reads no table",
    ]

    @Test func `Every statement has its plan, or a reason to have none`() throws {
        let known = Set(Self.plans.map(\.name)).union(Self.excused.keys)
        #expect(try SourceStatements.names(in: "HTTPGateway") == known)
    }

    @Test func `Counting the queues reads each ready job once`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            for queue in 0..<10 { try await store.ensureQueue("queue \(queue)") }
            try await database.client.execute(
                Query(
                    "seed.ready",
                    """
                    INSERT INTO ready (rank, job_id, lane, is_run) SELECT 0, n, leaf, false
                    FROM (SELECT generate_series(first_lane, first_lane + 2 * lanes - 1) AS leaf FROM queues) AS leaves,
                        generate_series(1, 200) AS n
                    """
                )
            )
            try await database.client.execute(Query("seed.analyze", "ANALYZE"))
            let log = PlanLog()
            var configuration = database.configuration
            configuration.plans = log
            let client = PostgresClient(configuration, loops: database.loops)
            _ = try await OperatorDocuments.queues(client)
            await client.shutdown()
            for plan in Self.plans {
                #expect(try plan.complaints(log.entries, growing: ["ready"]) == [])
            }
        }
    }
}
