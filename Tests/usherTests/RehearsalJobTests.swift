import BoxOffice
import HTTP
import Jobs
import Postgres
import TestSupport
import Testing

@testable import usher

/// Rehearsals that were ordered at the desk, played by `usher worker` as a process.
@Suite(.timeLimit(.minutes(5)))
struct RehearsalJobTests {
    private static let plan = """
        {"title": "Trial", "venue": "Hall", "city": "Leipzig", "currency": "EUR",
         "opens_at": "2020-03-05T08:59:50Z", "starts_at": "2020-03-05T09:00:00Z", "closes_at": "2020-03-05T10:00:00Z",
         "rate_per_minute": 60, "active_limit": 100, "turn_seconds": 3, "max_per_buyer": 2, "capacity": 30,
         "tiers": [{"id": "floor", "name": "Floor", "price": 4500}],
         "sections": [{"id": "F", "tier": "floor", "standing": 30}]}
        """

    private struct Scene {
        let database: TestDatabase
        let rehearsals: Rehearsals

        init(_ database: TestDatabase) {
            self.database = database
            rehearsals = Rehearsals(store: JobStore(postgres: database.client))
        }

        func worker() throws -> ChildProgram {
            try usher("worker", "--queues", RehearsalOrder.queue, "--capacity", "1")
        }

        func usher(_ words: String...) throws -> ChildProgram {
            try ChildProgram(
                "usher",
                words + ["--database-url", database.url, "--schema", database.schema],
                environment: ["PATH": "/usr/bin:/bin"]
            )
        }

        func order(buyers: Int, plan: String = RehearsalJobTests.plan) async throws -> JobID {
            let crowd = RehearsalSettings(
                buyers: buyers,
                curve: .early,
                share: 1,
                noShow: 0,
                abandon: 0,
                conversion: 1,
                basket: 1,
                think: 0,
                payment: 0
            )
            return try await rehearsals.order(RehearsalOrder(plan: plan, draw: .now, crowd: crowd))
        }

        /// Waits until it is so; what writes it is another process, which tells nobody.
        func wait(until isSo: () async throws -> Bool) async throws {
            while try await !isSo() {
                try await database.client.execute(Query("test.pause", "SELECT pg_sleep(0.05)"))
            }
        }

        func ended(_ id: JobID) async throws -> Rehearsals.Status {
            try await wait { try await rehearsals.status(id)?.state.isTerminal == true }
            return try #require(try await rehearsals.status(id))
        }

        /// Schemas of rehearsals that stand.
        var stages: [String] {
            get async throws {
                let prefix = database.schema + "_rehearsal_"
                return try await database.client.query(
                    Query(
                        "test.stages",
                        "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, \(prefix))"
                    )
                ).map { try $0[0] }
            }
        }
    }

    @Test func `A worker plays what is ordered, and goes on where another was killed`() async throws {
        try await withDatabase { database in
            let scene = Scene(database)
            let id = try await scene.order(buyers: 40)
            let victim = try scene.worker()
            try await scene.wait { try await scene.stages.count == 1 }
            victim.kill()
            // It finds out that a worker is dead.
            let scheduler = try scene.usher("scheduler")
            // Some schema of a job that nobody knows.
            let stray = "\(database.schema)_rehearsal_999999999"
            try await database.client.execute(Query("test.stray", "CREATE SCHEMA \(identifier: stray)"))
            let worker = try scene.worker()
            let status = try await scene.ended(id)
            #expect(status.state == .done, "\(status)")
            let report = try JSONValue(parsing: try #require(status.report).bytes)
            // One a second is called, and buys at once: arithmetic says so of `usher rehearse`, too.
            #expect(report["sold_out_at"]?.int == 31, "\(report)")
            #expect(report["sold"]?.int == 30)
            #expect(try await scene.stages == [])

            let bad = try await scene.ended(
                try await scene.order(buyers: 3, plan: Self.plan.replacing("4500", with: "-1"))
            )
            #expect(bad.state == .failed)
            #expect(bad.problem?.contains("tiers[0].price") == true, "\(bad.problem ?? "")")
            worker.ask()
            scheduler.ask()
        }
    }

    @Test func `One that is called off leaves nothing`() async throws {
        try await withDatabase { database in
            let scene = Scene(database)
            let worker = try scene.worker()
            let id = try await scene.order(buyers: 2000)
            try await scene.wait { try await scene.rehearsals.status(id)?.progress != nil }
            #expect(try await scene.stages.count == 1)
            #expect(try await scene.rehearsals.cancel(id))
            let status = try await scene.ended(id)
            #expect(status.state == .cancelled && status.problem == "called off", "\(status)")
            try await scene.wait { try await scene.stages.isEmpty }
            worker.ask()
        }
    }
}
