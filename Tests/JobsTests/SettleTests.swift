import Jobs
import Postgres
import Reactor
import Testing
import TestSupport

/// Plain jobs: their row is written once, the claim's row is the fence.
@Suite(.timeLimit(.minutes(5)))
struct SettleTests {
    private struct Desk {
        let database: TestDatabase
        let store: JobStore
        let leaf = LaneLeaf(number: 0, queue: "default")

        init(_ database: TestDatabase) async throws {
            self.database = database
            store = JobStore(postgres: database.client)
            try await store.ensureQueue("default", lanes: 1)
        }

        func enqueue(_ count: Int) async throws -> [JobID] {
            try await store.enqueue((0..<count).map { _ in NewJob(name: "x", input: JSONB(text: "{}")) })
        }

        func claim(_ limit: Int, worker: Int64 = 1) async throws -> [ClaimedJob] {
            try await database.client.query(JobStatements.claim(leaf, limit: limit, worker: worker))
                .map { try ClaimedJob(claim: $0, from: leaf.queue) }
                .sorted { $0.id < $1.id }
        }

        func settle(_ ends: [(ClaimedJob, JobEnd.Next)]) async throws -> Set<JobID> {
            let rows = try await database.client.query(
                JobStatements.settle(ends.map { JobEnd(batch: $0.0.batch, id: $0.0.id, next: $0.1) })
            )
            return Set(try rows.map { JobID(rawValue: try $0[0]) })
        }

        func states(_ ids: [JobID]) async throws -> [JobState?] {
            var states: [JobState?] = []
            for id in ids { states.append(try await store.job(id)?.state) }
            return states
        }

        func count(_ table: String) async throws -> Int64 {
            try await database.client.query(Query("t", "SELECT count(*) FROM \(identifier: table)"))[0][0]
        }

        func rescue(maxFailures: Int16 = 9) async throws -> Int64 {
            try await database.client.query(
                WorkerStatements.rescueOrphans(limit: 10, maxFailures: maxFailures)
            )[0][1]
        }
    }

    @Test func `A job is told ready, running and done by where its number is`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            let ids = try await desk.enqueue(3)
            let claimed = try await desk.claim(2)
            #expect(try await desk.states(ids) == [.running, .running, .ready])
            let closed = try await database.client.query(
                JobStatements.close(batches: claimed.map(\.batch))
            )
            #expect(closed.count == 1)
            #expect(try await desk.states(ids) == [.done, .done, .ready])
            #expect(try await desk.store.job(ids[0])?.finishedAt != nil)
            #expect(try await desk.count("claims") == 0)
            let written: Int64 = try await database.client.query(
                Query("t", "SELECT count(*) FROM jobs WHERE xmax <> 0 OR state <> 'queued'")
            )[0][0]
            #expect(written == 0, "a job's row was written after its enqueue")
        }
    }

    @Test func `Each end leaves the rows it should`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            let ids = try await desk.enqueue(6)
            let claimed = try await desk.claim(6)
            let mine = try await desk.settle([
                (claimed[0], .done(output: nil)), (claimed[1], .done(output: JSONB(text: "7"))),
                (claimed[2], .failed(failures: 3, error: "no")),
                (claimed[3], .retry(after: .seconds(60), failures: 1, error: "not yet")),
                (claimed[4], .handedBack),
            ])
            #expect(mine == Set(ids[0..<5]))
            #expect(try await desk.states(ids) == [.done, .done, .failed, .scheduled, .ready, .running])
            #expect(try await desk.store.job(ids[1])?.output?.text == "7")
            #expect(try await desk.store.job(ids[2])?.failures == 3)
            #expect(try await desk.count("dead_letters") == 1)
            #expect(try await desk.count("timers") == 1)
            #expect(try await desk.count("claims") == 1)
            #expect(try await desk.settle([(claimed[5], .done(output: nil))]) == [ids[5]])
            #expect(try await desk.count("claims") == 0)
        }
    }

    @Test func `A zombie's late end changes nothing`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            let ids = try await desk.enqueue(2)
            let zombie = try await desk.claim(2, worker: 98)
            #expect(try await desk.rescue() == 2)
            let heir = try await desk.claim(2, worker: 99)
            #expect(heir.map(\.failures) == [1, 1])
            #expect(
                try await database.client.query(JobStatements.close(batches: zombie.map(\.batch))).isEmpty
            )
            #expect(try await desk.settle([(zombie[0], .failed(failures: 1, error: "late"))]).isEmpty)
            #expect(try await desk.states(ids) == [.running, .running])
            #expect(try await desk.count("dead_letters") == 0)
        }
    }

    @Test func `A job that kills its workers fails for good`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            let ids = try await desk.enqueue(1)
            for _ in 1...2 {
                _ = try await desk.claim(1, worker: 99)
                #expect(try await desk.rescue(maxFailures: 2) == 1)
            }
            #expect(try await desk.states(ids) == [.failed])
            #expect(try await desk.count("dead_letters") == 1)
        }
    }

    @Test func `A claim that its worker never heard of comes back uncounted`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            let ids = try await desk.enqueue(2)
            let heard = try await desk.claim(1, worker: 5)
            _ = try await desk.claim(1, worker: 5)
            let unknown = try await database.client.query(
                JobStatements.unknown(to: 5, knowing: heard.map(\.batch))
            )
            #expect(unknown.count == 1)
            #expect(
                try await database.client.execute(
                    JobStatements.abandon(batches: try unknown.map { try $0[0] }, worker: 5)
                ) == 1
            )
            try await database.client.execute(
                Query(
                    "t",
                    """
                    INSERT INTO workers (id, pool, queues, host, process_id, capacity) OVERRIDING SYSTEM VALUE
                    VALUES (5, 'p', '{}', 'h', 1, 1)
                    """
                )
            )
            #expect(try await desk.rescue() == 1)
            #expect(try await desk.states(ids) == [.running, .ready])
            #expect(try await desk.store.job(ids[1])?.failures == 0)
        }
    }

    @Test func `A job that nobody started by its deadline is dropped at the claim`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            var late = NewJob(name: "x", input: JSONB(text: "{}"))
            late.startBy = PostgresTimestamp.now + .seconds(60)
            var soon = late
            soon.startBy = PostgresTimestamp.now + .seconds(600)
            let ids = try await desk.store.enqueue([late, soon])
            try await database.client.execute(Query("t", "UPDATE clock SET shift = interval '100 seconds'"))
            #expect(try await desk.claim(5).map(\.id) == [ids[1]])
            #expect(try await desk.states(ids) == [.expired, .running])
            #expect(try await desk.store.job(ids[0])?.finishedAt != nil)
        }
    }

    @Test func `With ageing, waiting makes up for a low priority`() async throws {
        try await withDatabase { database in
            let desk = try await Desk(database)
            try await database.client.execute(Query("t", "UPDATE queues SET ageing_ms = 60000"))
            func enqueue(_ priority: Int16) async throws -> JobID {
                try await desk.store.enqueue([
                    NewJob(name: "x", input: JSONB(text: "{}"), priority: priority)
                ])[0]
            }
            let old = try await enqueue(2)
            try await database.client.execute(Query("t", "UPDATE clock SET shift = interval '90 seconds'"))
            let urgent = try await enqueue(0)
            try await database.client.execute(Query("t", "UPDATE clock SET shift = interval '150 seconds'"))
            let later = try await enqueue(0)
            var order: [JobID] = []
            while let job = try await desk.claim(1).first { order.append(job.id) }
            #expect(order == [urgent, old, later])
        }
    }
}
