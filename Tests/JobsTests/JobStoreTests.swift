import Jobs
import Postgres
import Reactor
import Testing
import TestSupport

private let input = JSONB(text: "{}")

extension TestDatabase {
    fileprivate func claim(_ limit: Int, worker: Int64 = 1) async throws -> [ClaimedJob] {
        var jobs: [ClaimedJob] = []
        for lane in Int32(0)..<4 where jobs.count < limit {
            let leaf = LaneLeaf(number: lane, queue: "default")
            let query = JobStatements.claim(leaf, limit: limit - jobs.count, worker: worker)
            jobs += try await client.query(query).map { try ClaimedJob(claim: $0, from: leaf.queue) }
        }
        return jobs
    }

    fileprivate func finish(_ outcomes: [JobOutcome]) async throws {
        _ = try await client.query(JobStatements.finish(outcomes))
    }

    fileprivate func state(_ id: JobID) async throws -> JobState? {
        try await JobStore(postgres: client).job(id)?.state
    }
}

@Suite(.timeLimit(.minutes(5)))
struct JobStoreTests {
    @Test func `Jobs are claimed once, by priority, then in order`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("one", lanes: 1)
            let ids = try await store.enqueue([
                NewJob(name: "b", queue: "one", input: input), NewJob(name: "c", queue: "one", input: input),
                NewJob(name: "a", queue: "one", input: input, priority: -1),
            ])
            let leaf = LaneLeaf(number: 0, queue: "one")
            let first = try await database.client.query(JobStatements.claim(leaf, limit: 2, worker: 1))
            #expect(
                try first.map { try $0[0] as Int64 }.sorted() == [ids[0].rawValue, ids[2].rawValue].sorted()
            )
            let second = try await database.client.query(JobStatements.claim(leaf, limit: 2, worker: 1))
            #expect(try second.map { try $0[1] as String } == ["c"])
            #expect(
                try await database.client.query(JobStatements.claim(leaf, limit: 2, worker: 1)).isEmpty
            )
        }
    }

    @Test func `Rival claims never share a job and never miss one`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let ids = try await store.enqueue((0..<500).map { _ in NewJob(name: "x", input: input) })
            let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for worker in Int64(1)...4 {
                    group.addTask {
                        var mine: [JobID] = []
                        while true {
                            let batch = try await database.claim(7, worker: worker)
                            if batch.isEmpty { return mine }
                            mine += batch.map(\.id)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.count == 500)
            #expect(Set(claimed) == Set(ids))
        }
    }

    @Test func `A key finds the job that has it`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let job = NewJob(name: "x", input: input, key: "once")
            let first = try await store.enqueue([job, job])
            #expect(first[0] == first[1])
            let again = try await withThrowingTaskGroup(of: JobID.self) { group in
                for _ in 0..<8 { group.addTask { try await store.enqueue([job])[0] } }
                return try await group.reduce(into: Set<JobID>()) { $0.insert($1) }
            }
            #expect(again == [first[0]])
        }
    }

    @Test func `An unknown queue is refused and nothing is enqueued`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            let error = await #expect(throws: JobsError.self) {
                _ = try await store.enqueue([NewJob(name: "x", queue: "nowhere", input: input)])
            }
            #expect(error?.code == .unknownQueue)
            #expect(error?.message.contains("nowhere") == true)
        }
    }

    @Test func `Jobs of a transaction that rolls back were never there`() async throws {
        struct No: Error {}
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            await #expect(throws: No.self) {
                try await database.client.withTransaction { tx in
                    _ = try await store.enqueue([NewJob(name: "x", input: input)], in: &tx)
                    throw No()
                }
            }
            #expect(try await database.claim(10).isEmpty)
        }
    }

    @Test func `Each end of a run's go leaves the rows it should`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let ids = try await store.enqueue(
                (0..<5).map { _ in NewJob.run(name: "x", queue: "default", input: input) }
            )
            _ = try await database.claim(10)
            let later = PostgresTimestamp.now + .seconds(60)
            try await database.finish([
                JobOutcome(id: ids[0], next: .done(output: JSONB(text: "1"))),
                JobOutcome(id: ids[1], next: .failed(error: "no")),
                JobOutcome(id: ids[2], next: .retry(at: later, failures: 2, error: "not yet")),
                JobOutcome(id: ids[3], next: .waiting(events: ["a", "b"], until: later)),
                JobOutcome(id: ids[4], next: .ready(queue: "default")),
            ])
            var states: [JobState?] = []
            for id in ids { states.append(try await database.state(id)) }
            #expect(states == [.done, .failed, .scheduled, .waiting, .ready])
            let counts = try await database.client.query(
                Query(
                    "t",
                    "SELECT (SELECT count(*) FROM ready), (SELECT count(*) FROM timers), (SELECT count(*) FROM dead_letters)"
                )
            )[0]
            #expect(try [counts[0], counts[1], counts[2]] as [Int64] == [1, 2, 1])
        }
    }

    @Test func `Due timers make jobs ready, stale ones vanish`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let past = PostgresTimestamp.now - .seconds(1)
            let future = PostgresTimestamp.now + .seconds(3600)
            let ids = try await store.enqueue([
                NewJob(name: "due", input: input, runAt: past),
                NewJob(name: "later", input: input, runAt: future),
            ])
            try await database.client.execute(
                Query("t", "INSERT INTO timers VALUES (\(past), \(ids[1].rawValue))")
            )
            let row = try await database.client.query(JobStatements.promoteDue(limit: 10))[0]
            #expect(try row[0] as Int64 == 2)
            #expect(try row[2] as [String] == ["default"])
            #expect(try await database.claim(10).map(\.id) == [ids[0]])
            #expect(try await database.state(ids[1]) == .scheduled)
            let left: Int64 = try await database.client.query(Query("t", "SELECT count(*) FROM timers"))[0][0]
            #expect(left == 1)
        }
    }

    @Test func `What a dead worker held is rescued, counted, and fails after too many deaths`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let id = try await store.enqueue([NewJob.run(name: "x", queue: "default", input: input)])[0]
            for death in 1...2 {
                let claimed = try await database.claim(1, worker: 99)
                #expect(claimed.map(\.epoch) == [Int32(death)])
                let row = try await database.client.query(
                    WorkerStatements.rescueOrphans(limit: 10, maxFailures: 2)
                )[0]
                #expect(try row[1] as Int64 == 1)
                #expect(try await database.state(id) == (death == 1 ? .ready : .failed))
            }
        }
    }

    @Test func `A release gives back only what is still this claim's`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            _ = try await store.enqueue([NewJob.run(name: "x", queue: "default", input: input)])
            let zombie = try await database.claim(1, worker: 98)
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 10, maxFailures: 9))
            let heir = try await database.claim(1, worker: 99)
            #expect(heir.count == 1)
            let freed: Int64 = try await database.client.query(WorkerStatements.release(zombie))[0][0]
            #expect(freed == 0)
            #expect(try await database.state(heir[0].id) == .running)
        }
    }

    @Test func `One candidate leads, and a rival takes over when the lease is given up`() async throws {
        try await withDatabase { database in
            let one = Leadership(name: "test", holder: "one", lease: .seconds(60), postgres: database.client)
            let two = Leadership(name: "test", holder: "two", lease: .seconds(60), postgres: database.client)
            #expect(try await one.campaign() == 1)
            #expect(try await two.campaign() == nil)
            #expect(try await one.campaign() == 1)
            try await one.resign()
            #expect(try await two.campaign() == 2)
            #expect(try await one.campaign() == nil)
        }
    }

    @Test func `A schedule fires once per interval, and missed firings are made up by one`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let schedule = Recurrence(name: "tick", jobName: "x", input: input, every: .seconds(36_000))
            try await schedule.save(on: database.client)
            func fire() async throws -> Int {
                _ = try await RecurrenceFiring.fireDue(on: database.client)
                return try await database.claim(10).count
            }
            #expect(try await fire() == 0)
            try await database.client.execute(Query("t", "UPDATE clock SET shift = interval '35 hours'"))
            #expect(try await fire() == 1)
            #expect(try await fire() == 0)
            try await database.client.execute(Query("t", "UPDATE clock SET shift = interval '41 hours'"))
            #expect(try await fire() == 1)
        }
    }

    @Test func `An ended range is dropped whole, one with a live job is kept`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            let old = try await store.enqueue([
                NewJob.run(name: "x", queue: "default", input: input, key: "k")
            ])[0]
            _ = try await database.client.query(Query("t", "SELECT setval('job_ids', job_range_size() + 1)"))
            func drop() async throws -> Int32 {
                try await database.client.query(Query("t", "SELECT drop_job_ranges(interval '0')"))[0][0]
            }
            #expect(try await drop() == 0)
            _ = try await database.claim(1)
            try await database.finish([JobOutcome(id: old, next: .done(output: input))])
            #expect(try await drop() == 1)
            #expect(try await database.state(old) == nil)
            let made: Int32 = try await database.client.query(Query("t", "SELECT extend_job_ranges()"))[0][0]
            #expect(made == 1)
            let fresh = try await store.enqueue([NewJob(name: "x", input: input, key: "k")])[0]
            #expect(try await database.state(fresh) == .ready)
        }
    }

    @Test func `A range ends by time as well, and no id comes twice`() async throws {
        try await withDatabase { database in
            let client = database.client
            let store = JobStore(postgres: client)
            try await store.ensureQueue("default")
            func turn() async throws -> Bool {
                try await client.query(Query("t", "SELECT turn_job_range(interval '30 days')"))[0][0]
            }
            #expect(try await turn() == false, "it has only now been looked at")
            let first = try await store.enqueue([NewJob(name: "x", input: input)])[0]
            try await client.execute(Query("t", "UPDATE clock SET shift = interval '29 days'"))
            #expect(try await turn() == false)
            try await client.execute(Query("t", "UPDATE clock SET shift = interval '31 days'"))
            // Whoever has taken an id and not committed yet is waited for no longer than a moment.
            try await client.withTransaction { tx in
                let id: Int64 = try await tx.query(Query("t", "SELECT nextval('job_ids')"))[0][0]
                #expect(id == first.rawValue + 1)
                #expect(try await turn() == false)
            }
            #expect(try await turn())
            #expect(try await turn() == false)
            let next = try await store.enqueue([NewJob(name: "x", input: input)])[0]
            let low: Int64 = try await client.query(Query("t", "SELECT job_range_size()"))[0][0]
            #expect(next.rawValue == low)
            #expect(try await database.state(first) == .ready)
            #expect(try await database.state(next) == .ready)
        }
    }

    @Test func `Dropping a range waits for nobody, so that nobody waits for it`() async throws {
        try await withDatabase { database in
            let client = database.client
            try await JobStore(postgres: client).ensureQueue("default")
            _ = try await client.query(Query("t", "SELECT setval('job_ids', job_range_size() + 1)"))
            func drop() async throws -> Int32 {
                try await client.query(Query("t", "SELECT drop_job_ranges(interval '0')"))[0][0]
            }
            try await client.withTransaction { reader in
                // Has the table and one part of it, and not the one that is to go.
                _ = try await reader.query(
                    Query("t", "SELECT count(*) FROM jobs WHERE id > job_range_size()")
                )
                #expect(try await drop() == 0)
            }
            #expect(try await drop() == 1)
        }
    }
}
