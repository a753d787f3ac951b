import Jobs
import Postgres
import TestSupport
import Testing

@testable import Workflows

private let input = JSONB(text: "0")

/// The races that lose wake-ups, each order of its two sides forced by row locks.
@Suite(.timeLimit(.minutes(5)))
struct RaceTests {
    private static let poked = EventKey<String>("poked")

    /// A run that is claimed and about to park.
    private func claimed(_ database: TestDatabase) async throws -> ClaimedJob {
        let store = JobStore(postgres: database.client)
        try await store.ensureQueue("default", lanes: 1)
        _ = try await store.enqueue([NewJob.run(name: "x", queue: "default", input: input)])
        let leaf = LaneLeaf(number: 0, queue: "default")
        return try await database.client.query(JobStatements.claim(leaf, limit: 1, worker: 1))
            .map({ try ClaimedJob(claim: $0, from: leaf.queue) })[0]
    }

    private func park(_ job: ClaimedJob) -> Query {
        JobStatements.finish([JobOutcome(id: job.id, next: .waiting(events: ["poked"], until: nil))])
    }

    /// Waits until some backend of the test stands behind another's lock.
    private func someoneWaits(_ database: TestDatabase) async throws {
        _ = try await database.eventually("a session waits for a lock") {
            let waiting: Int64 = try await database.client.query(
                Query(
                    "test_waiting",
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = \(database.schema) AND wait_event_type = 'Lock'
                    """
                )
            )[0][0]
            return waiting > 0 ? true : nil
        }
    }

    @Test func `An event that comes while a run parks waits for the commit, then wakes it`() async throws {
        try await withDatabase { database in
            let job = try await claimed(database)
            let client = WorkflowClient(postgres: database.client)
            try await withThrowingTaskGroup(of: EventDelivery.self) { group in
                try await database.client.withTransaction { tx in
                    _ = try await tx.query(JobStatements.lock([job.id]))
                    group.addTask { try await client.send(Self.poked, "now", to: job.id) }
                    try await someoneWaits(database)
                    _ = try await tx.query(park(job))
                }
                #expect(try await group.next() == .delivered)
            }
            #expect(try await client.store.job(job.id)?.state == .ready)
        }
    }

    @Test func `A run that parks while an event comes sees it, behind the same lock`() async throws {
        try await withDatabase { database in
            let job = try await claimed(database)
            let client = WorkflowClient(postgres: database.client)
            /// How a go begins: what it finds once it has the lock.
            @Sendable func goes() async throws -> [String] {
                try await database.client.withTransaction { tx in
                    try await tx.pipeline([
                        JobStatements.lock([job.id]),
                        WorkflowStatements.checkpoints(of: [job]),
                        WorkflowStatements.events(of: [job.id]),
                    ])[2].map { try $0[1] }
                }
            }
            /// How it would lose the event: with a snapshot that is older than the lock.
            @Sendable func goesInOneStatement() async throws -> [String] {
                try await database.client.query(
                    Query(
                        "test_careless",
                        """
                        SELECT (SELECT min(e.name) FROM events e WHERE e.job_id = j.id)
                        FROM jobs j WHERE j.id = \(job.id.rawValue) FOR NO KEY UPDATE
                        """
                    )
                ).compactMap { try $0[0] as String? }
            }
            for (event, look, seen) in [
                (EventKey<String>("poked"), goes, ["poked"]),
                (EventKey<String>("another"), goesInOneStatement, ["poked"]),
            ] as [(EventKey<String>, @Sendable () async throws -> [String], [String])] {
                try await withThrowingTaskGroup(of: [String].self) { group in
                    try await database.client.withTransaction { tx in
                        _ = try await client.send(event, "first", to: job.id, in: &tx)
                        group.addTask { try await look() }
                        try await someoneWaits(database)
                    }
                    #expect(try await group.next() == seen, "\(event.name)")
                }
            }
            #expect(try await goes().sorted() == ["another", "poked"])
        }
    }

    @Test func `A timer that falls due while its run parks again with the same instant is not lost`()
        async throws
    {
        try await withDatabase { database in
            let job = try await claimed(database)
            let due = PostgresTimestamp.now - .seconds(1)
            _ = try await database.client.query(
                JobStatements.finish([JobOutcome(id: job.id, next: .waiting(events: [], until: due))])
            )
            // An event woke the run; it is in a transaction that parks it until the same instant.
            try await database.client.withTransaction { tx in
                _ = try await tx.query(JobStatements.lock([job.id]))
                let row = try await database.client.query(JobStatements.promoteDue(limit: 10))[0]
                #expect(try row[0] as Int64 == 1)
                #expect(try row[1] as Int64 == 0)
                _ = try await tx.query(
                    JobStatements.finish([JobOutcome(id: job.id, next: .waiting(events: [], until: due))])
                )
            }
            let row = try await database.client.query(JobStatements.promoteDue(limit: 10))[0]
            #expect(try row[2] as [String] == ["default"])
        }
    }

    @Test func `A job that is cancelled while it is claimed is either claimed or cancelled, never both`()
        async throws
    {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default", lanes: 1)
            let ids = try await store.enqueue(
                (0..<200).map { _ in NewJob.run(name: "x", queue: "default", input: input) }
            )
            let client = WorkflowClient(postgres: database.client)
            let leaf = LaneLeaf(number: 0, queue: "default")
            let claimed = try await withThrowingTaskGroup(of: Set<JobID>.self) { group in
                group.addTask {
                    var mine: Set<JobID> = []
                    for _ in 0..<40 {
                        let rows = try await database.client.query(
                            JobStatements.claim(leaf, limit: 5, worker: 1)
                        )
                        for row in rows { mine.insert(try ClaimedJob(claim: row, from: leaf.queue).id) }
                    }
                    return mine
                }
                for id in ids.reversed() { _ = try await client.cancel(id) }
                return try await group.next() ?? []
            }
            for id in ids {
                let state = try await store.job(id)?.state
                #expect(state == (claimed.contains(id) ? .running : .cancelled))
            }
        }
    }
}
