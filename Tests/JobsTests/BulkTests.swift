import Jobs
import Postgres
import Testing
import TestSupport

/// Jobs by COPY stand as those that were enqueued one by one.
@Suite(.timeLimit(.minutes(5)))
struct BulkTests {
    private func rows(_ database: TestDatabase) async throws -> [String] {
        try await database.client.query(
            Query(
                "t",
                """
                SELECT concat_ws(' ', j.name, j.queue, j.home_queue, j.priority, j.is_run, j.state, j.epoch, j.start_by,
                    j.wake_at, t.wake_at, j.input, r.lane = lane_of(q.first_lane, q.lanes, q.side, j.id),
                    r.rank = j.rank, CASE WHEN q.ageing_ms IS NULL THEN j.rank ELSE j.rank
                        - floor(extract(epoch FROM coalesce(j.wake_at, j.created_at)) * 1000)::bigint END)
                FROM jobs j JOIN queues q ON q.name = j.queue LEFT JOIN ready r ON r.job_id = j.id
                LEFT JOIN timers t ON t.job_id = j.id ORDER BY j.id
                """
            )
        ).map { try $0[0] }
    }

    private func jobs() -> [NewJob] {
        (0..<40).map { (number: Int) -> NewJob in
            var job = NewJob(name: "n\(number)", input: JSONB(text: "{\"n\": \(number)}"))
            if number % 3 == 0 { job.queue = "aged" }
            job.priority = Int16(number % 5 - 2)
            if number % 4 == 0 { job.runAt = PostgresTimestamp(microseconds: 4_000_000_000_123_456) }
            if number % 7 == 0 { job.startBy = PostgresTimestamp(microseconds: 4_100_000_000_000_000) }
            return job
        }
    }

    @Test func `COPY leaves the rows that a statement leaves`() async throws {
        func made(_ enqueue: (JobStore) async throws -> Void) async throws -> [String] {
            try await withDatabase { database in
                let store = JobStore(postgres: database.client)
                try await store.ensureQueue("default", lanes: 3)
                try await store.ensureQueue("aged", options: QueueOptions(lanes: 2, ageing: .seconds(7)))
                try await enqueue(store)
                return try await rows(database)
            }
        }
        let one = try await made { store in _ = try await store.enqueue(jobs()) }
        let all = try await made { store in
            let made = try await store.enqueueAll(jobs())
            #expect(made == 40)
        }
        #expect(one.count == 40)
        #expect(one == all)
    }

    @Test func `A sequence that comes bit by bit is enqueued whole, or not at all`() async throws {
        struct No: Error {}
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let (stream, feed) = AsyncStream<NewJob>.makeStream()
            for number in 0..<12_345 { feed.yield(NewJob(name: "x", input: JSONB(text: "\(number)"))) }
            feed.finish()
            #expect(try await desk.store.enqueueAll(stream) == 12_345)
            #expect(try await desk.count("jobs") == 12_345)
            #expect(try await desk.count("ready") == 12_345)
            let (broken, more) = AsyncThrowingStream<NewJob, any Error>.makeStream()
            for _ in 0..<6000 { more.yield(NewJob(name: "x", input: JSONB(text: "1"))) }
            more.finish(throwing: No())
            await #expect(throws: No.self) { try await desk.store.enqueueAll(broken) }
            let unknown = await #expect(throws: JobsError.self) {
                try await desk.store.enqueueAll([
                    NewJob(name: "x", input: JSONB(text: "1")),
                    NewJob(name: "x", queue: "nowhere", input: JSONB(text: "1")),
                ])
            }
            #expect(unknown?.code == .unknownQueue)
            #expect(unknown?.message.contains("[nowhere]") == true)
            await #expect(throws: No.self) {
                try await database.client.withTransaction { tx in
                    let made = try await desk.store.enqueueAll(
                        [NewJob(name: "x", input: JSONB(text: "1"))],
                        in: &tx
                    )
                    #expect(made == 1)
                    throw No()
                }
            }
            #expect(try await desk.count("jobs") == 12_345)
        }
    }

    @Test func `Unique jobs among many are made once`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let jobs = (0..<3000).map { (number: Int) -> NewJob in
                var job = NewJob(name: "x", input: JSONB(text: "1"))
                guard number % 3 == 0 else { return job }
                job.key = "k\(number % 100)"
                job.unique = Uniqueness(by: .key)
                return job
            }
            #expect(try await desk.store.enqueueAll(jobs) == 2100)
            #expect(try await desk.count("jobs") == 2100)
        }
    }
}
