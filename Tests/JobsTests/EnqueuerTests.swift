import Jobs
import Postgres
import Reactor
import Testing
import TestSupport

/// Single enqueues that share commits.
@Suite(.timeLimit(.minutes(5)))
struct EnqueuerTests {
    private func with<Value: Sendable>(
        _ store: JobStore,
        _ limits: Enqueuer.Limits = .init(),
        _ body: (Enqueuer) async throws -> Value
    ) async throws -> Value {
        let enqueuer = Enqueuer(store: store, limits: limits)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await enqueuer.run() }
            let result: Result<Value, any Error>
            do { result = .success(try await body(enqueuer)) } catch { result = .failure(error) }
            enqueuer.close()
            try await group.waitForAll()
            return try result.get()
        }
    }

    @Test func `Many callers share few commits, and each gets its own job`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let ids = try await with(desk.store) { enqueuer in
                try await withThrowingTaskGroup(of: (Int, JobID).self) { group in
                    for number in 0..<500 {
                        group.addTask {
                            (
                                number,
                                try await enqueuer.enqueue(NewJob(name: "x", input: JSONB(text: "\(number)")))
                                    .id
                            )
                        }
                    }
                    return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                }
            }
            #expect(ids.count == 500)
            for (number, id) in ids { #expect(try await desk.store.job(id)?.input.text == "\(number)") }
            let commits: Int64 = try await database.client.query(
                Query("t", "SELECT count(DISTINCT xmin::text) FROM jobs")
            )[0][0]
            #expect(commits < 250, "\(commits) commits for 500 jobs")
        }
    }

    @Test func `One that can't be enqueued does not fail its neighbours`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let outcomes = try await with(desk.store, .init(committers: 1)) { enqueuer in
                await withTaskGroup(of: (Int, JobsError.Code?).self) { group in
                    for number in 0..<100 {
                        group.addTask {
                            let queue = number % 40 == 7 ? "nowhere" : "default"
                            let key = number % 10 == 0 ? "same" : nil
                            do {
                                let job = NewJob(
                                    name: "x",
                                    queue: queue,
                                    input: JSONB(text: "\(number)"),
                                    key: key
                                )
                                _ = try await enqueuer.enqueue(job)
                                return (number, nil)
                            } catch {
                                return (number, (error as? JobsError)?.code)
                            }
                        }
                    }
                    return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                }
            }
            #expect(outcomes == [7: .unknownQueue, 47: .unknownQueue, 87: .unknownQueue])
            #expect(try await desk.count("jobs") == 97 - 9)
        }
    }

    @Test func `More calls than may wait are refused, and a cancelled one leaves nothing`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let enqueuer = Enqueuer(store: desk.store, limits: .init(backlog: 2))
            let job = NewJob(name: "x", input: JSONB(text: "1"))
            try await withThrowingTaskGroup(of: Enqueued?.self) { group in
                // Nobody commits yet, so these wait.
                group.addTask { try await enqueuer.enqueue(job) }
                let doomed = Task { try await enqueuer.enqueue(job) }
                while enqueuer.backlog < 2 { await Task.yield() }
                let error = await #expect(throws: JobsError.self) { try await enqueuer.enqueue(job) }
                #expect(error?.code == .pressure)
                doomed.cancel()
                await #expect(throws: CancellationError.self) { try await doomed.value }
                #expect(enqueuer.backlog == 1)
                group.addTask {
                    await enqueuer.run()
                    return nil
                }
                let first = try await group.next()
                #expect(first??.outcome == .made)
                enqueuer.close()
                try await group.waitForAll()
            }
            #expect(try await desk.count("jobs") == 1)
            let closed = await #expect(throws: JobsError.self) { try await enqueuer.enqueue(job) }
            #expect(closed?.code == .pressure)
        }
    }
}
