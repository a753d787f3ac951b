import Jobs
import Postgres
import TestSupport

/// A queue of one lane, and a hand that claims and ends what is in it.
struct PlainDesk {
    let database: TestDatabase
    let store: JobStore
    let leaf = LaneLeaf(number: 0, queue: "default")

    init(_ database: TestDatabase) async throws {
        self.database = database
        store = JobStore(postgres: database.client)
        try await database.client.stopClock()
        try await store.ensureQueue("default", lanes: 1)
    }

    func claim(_ limit: Int = 100, worker: Int64 = 1) async throws -> [ClaimedJob] {
        try await database.client.query(JobStatements.claim(leaf, limit: limit, worker: worker))
            .map { try ClaimedJob(claim: $0, from: leaf.queue) }
            .sorted { $0.id < $1.id }
    }

    @discardableResult
    func end(_ jobs: [ClaimedJob], _ next: JobEnd.Next) async throws -> Int {
        try await database.client.query(JobStatements.settle(jobs.map { JobEnd($0, next) })).count
    }

    func count(_ table: String) async throws -> Int64 {
        try await database.client.query(Query("t", "SELECT count(*) FROM \(identifier: table)"))[0][0]
    }

    func execute(_ sql: SQL) async throws {
        try await database.client.execute(Query("t", sql))
    }

    func shiftClock(_ seconds: Double) async throws {
        try await execute("UPDATE clock SET shift = shift + make_interval(secs => \(seconds))")
    }

    /// Waits until somebody waits for a lock in this schema.
    func untilSomeoneWaits() async throws {
        while true {
            let rows = try await database.client.query(
                Query(
                    "t",
                    """
                    SELECT count(*), pg_sleep(0.002) FROM pg_stat_activity
                    WHERE application_name = \(database.schema) AND wait_event_type = 'Lock'
                    """
                )
            )
            if try rows[0][0] as Int64 > 0 { return }
        }
    }
}
