import Jobs
import Postgres
import Testing
import TestSupport

/// `enqueue_job()`, for whoever speaks SQL.
@Suite(.timeLimit(.minutes(5)))
struct EnqueueFromSQLTests {
    private func call(
        _ database: TestDatabase,
        _ arguments: SQL
    ) async throws -> (id: JobID, isDuplicate: Bool) {
        let row = try await database.client.query(
            Query("t", "SELECT id, is_duplicate FROM enqueue_job(\(fragment: arguments))")
        )[0]
        return (JobID(rawValue: try row[0]), try row[1])
    }

    @Test func `A job from SQL is claimed as any other, from whatever search path`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let urgent = try await call(database, #"'mail', '{"to": "ada"}', priority => -1"#)
            let elsewhere = try await database.client.withTransaction { tx in
                try await tx.execute(Query("t", "SET LOCAL search_path = pg_catalog"))
                return try await tx.query(
                    Query("t", "SELECT (\(identifier: database.schema).enqueue_job('other')).id")
                )[0][0] as Int64
            }
            let later = try await call(database, "'later', run_at => usher_now() + interval '1 hour'")
            let claimed = try await desk.claim()
            #expect(claimed.map(\.name) == ["mail", "other"])
            #expect(claimed.map(\.id.rawValue) == [urgent.id.rawValue, elsewhere])
            #expect(claimed[0].input.text == #"{"to": "ada"}"#)
            #expect(try await desk.store.job(later.id)?.state == .scheduled)
            try await desk.shiftClock(3700)
            _ = try await database.client.query(JobStatements.promoteDue(limit: 5))
            #expect(try await desk.claim().map(\.id) == [later.id])
        }
    }

    @Test func `A job from SQL with a limit key waits for its key, at once or when its time has come`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 2)), queue: "q")
            _ = try await desk.enqueue(1, "a")
            let second = try await call(database, "'x', queue => 'q', limit_key => 'a'")
            let third = try await call(database, "'x', queue => 'q', limit_key => 'a'")
            let later = try await call(
                database,
                "'x', queue => 'q', limit_key => 'b', run_at => usher_now() + interval '1 hour'"
            )
            #expect(
                try await desk.states([second.id, third.id, later.id]) == [.blocked, .blocked, .scheduled]
            )
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 2])
            #expect(try await desk.states([second.id, third.id]) == [.ready, .blocked])
            try await desk.shift(3700)
            _ = try await database.client.query(JobStatements.promoteDue(limit: 5))
            #expect(try await desk.states([later.id]) == [.blocked])
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 2, "b": 1])
            try await desk.expectSound()
        }
    }

    @Test func `The first limit key of a queue, from SQL, has its workers dispatch`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            _ = try await call(database, "'x', queue => 'q', limit_key => 'a'")
            let lanes = try await database.client.query(WorkerStatements.lanes(of: ["q"]))
            #expect(try lanes[0][4] as Bool)
            try await desk.dispatch()
            #expect(try await desk.claim(1).count == 1)
        }
    }

    @Test func `A key from SQL and a key from Swift are the same key`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let unique = NewJob(
                name: "x",
                input: JSONB(text: "{}"),
                key: "k",
                unique: Uniqueness(by: .key, while: .unfinished)
            )
            let first = try await desk.store.offer([unique])[0]
            let again: SQL = "'x', key => 'k', unique_while => 'unfinished'"
            let found = try await call(database, again)
            #expect(found == (first.id, true))
            let claimed = try await desk.claim()
            try await desk.end(claimed, .done(output: nil))
            let next = try await call(database, again)
            #expect(!next.isDuplicate)
            #expect(try await desk.store.offer([unique])[0] == Enqueued(id: next.id, outcome: .found))
            let window: SQL = "'x', key => 'w', unique_within => interval '1 hour'"
            let old = try await call(database, window)
            let same = try await call(database, window)
            #expect(same == (old.id, true))
            try await desk.shiftClock(5400)
            #expect(try await !call(database, window).isDuplicate)
        }
    }

    @Test func `Bad arguments are refused in one line, and a rollback takes the job with it`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            for (arguments, complaint) in [
                ("'x', queue => 'nowhere'", "there is no queue nowhere"), ("NULL", "must not be null"),
                ("'x', priority => 40000", "from -32768 to 32767, not 40000"),
                ("'x', key => 'k', unique_while => 'ever'", "queued, unfinished or kept, not ever"),
            ] as [(SQL, String)] {
                let error = await #expect(throws: PostgresError.self) {
                    _ = try await call(database, arguments)
                }
                #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
            }
            struct No: Error {}
            await #expect(throws: No.self) {
                try await database.client.withTransaction { tx in
                    _ = try await tx.query(Query("t", "SELECT enqueue_job('x', key => 'k')"))
                    throw No()
                }
            }
            #expect(try await desk.count("jobs") == 0)
            #expect(try await desk.count("job_keys") == 0)
        }
    }
}
