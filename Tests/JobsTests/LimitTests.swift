import Jobs
import Postgres
import TestSupport
import Testing

/// Limits of queues and keys, with statements in place of workers.
@Suite(.timeLimit(.minutes(5)))
struct LimitTests {
    @Test func `A key runs as many as its limit, in order, and the next when one ends`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 2)), queue: "q")
            let ids = try await desk.enqueue(4, "a") + desk.enqueue(1, "b") + desk.enqueue(1, nil)
            #expect(try await desk.states(ids) == [.blocked, .blocked, .blocked, .blocked, .blocked, .ready])
            try await desk.dispatch()
            #expect(try await desk.states(ids) == [.ready, .ready, .blocked, .blocked, .ready, .ready])
            let claimed = try await desk.claim(10)
            #expect(claimed.map(\.id) == [ids[0], ids[1], ids[4], ids[5]])
            #expect(claimed.map(\.owesMore) == [true, true, true, false])
            try await desk.dispatch()
            #expect(try await desk.claim(10).isEmpty)
            try await desk.settle(claimed[0], .done(output: nil))
            try await desk.dispatch()
            #expect(try await desk.claim(10).map(\.id) == [ids[2]])
            #expect(
                try await desk.states(ids) == [.done, .running, .running, .blocked, .running, .running]
            )
            try await desk.expectSound()
        }
    }

    @Test func `A slot is given back by every kind of end, and kept by a rescue and a job handed back`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: "q")
            _ = try await desk.enqueue(1, "a")
            try await desk.dispatch()
            func slots() async throws -> Int64 { try await desk.count("admitted") }

            let first = try await desk.claim(1)[0]
            try await desk.settle(first, .handedBack)
            #expect(try await slots() == 1)
            _ = try await desk.claim(1, worker: 99)
            #expect(try await desk.rescue() == 1)
            #expect(try await slots() == 1)
            try await desk.expectSound()

            let retried = try await desk.claim(1)[0]
            #expect(retried.id == first.id)
            try await desk.settle(retried, .retry(after: .seconds(10), failures: 1, error: "no"))
            #expect(try await slots() == 0)
            try await desk.shift(11)
            _ = try await database.client.query(JobStatements.promoteDue(limit: 10))
            #expect(try await desk.states([first.id]) == [.blocked])
            try await desk.dispatch()

            let last = try await desk.claim(1)[0]
            try await desk.settle(last, .failed(failures: 2, error: "no"))
            #expect(try await slots() == 0)

            let mortal = try await desk.enqueue(1, "a")
            try await desk.dispatch()
            _ = try await desk.claim(1, worker: 99)
            #expect(try await desk.rescue(maxFailures: 1) == 1)
            #expect(try await desk.states(mortal) == [.failed])
            #expect(try await slots() == 0)

            var late = NewJob(name: "x", queue: "q", input: JSONB(text: "{}"), limitKey: "a")
            late.startBy = PostgresTimestamp.now + .seconds(60)
            _ = try await desk.store.enqueue([late])
            try await desk.dispatch()
            try await desk.shift(100)
            #expect(try await desk.claim(1).isEmpty)
            #expect(try await slots() == 0)
            try await desk.expectSound()
        }
    }

    @Test func `Jobs of a key are cancelled wherever they stand, and redriven and replaced behind their key`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 2)), queue: "q")
            let ids = try await desk.enqueue(4, "a")
            try await desk.dispatch()
            let running = try await desk.claim(1)[0]
            // One runs, one is in its lane, two are behind the key.
            #expect(try await desk.store.cancel(ids[2]))
            #expect(try await desk.store.cancel(ids[1]))
            #expect(try await desk.states(ids) == [.running, .cancelled, .cancelled, .blocked])
            #expect(try await desk.held() == ["a": 1])
            try await desk.expectSound()
            #expect(try await desk.store.cancel(running.id, deadline: .zero))
            #expect(try await desk.held().isEmpty)
            try await desk.dispatch()
            try await desk.settle(try await desk.claim(1)[0], .failed(failures: 1, error: "no"))
            #expect(try await desk.store.redrive(ids[3]))
            #expect(try await desk.states(ids) == [.cancelled, .cancelled, .cancelled, .blocked])
            try await desk.expectSound()

            var unique = NewJob(
                name: "x",
                queue: "q",
                input: JSONB(text: "1"),
                unique: Uniqueness(by: .name, while: .unfinished, onConflict: .replace),
                limitKey: "b"
            )
            let first = try await desk.store.offer([unique])[0]
            unique.input = JSONB(text: "2")
            let second = try await desk.store.offer([unique])[0]
            #expect(second == Enqueued(id: first.id, outcome: .replaced))
            #expect(try await desk.states([first.id]) == [.blocked])
            #expect(try await desk.store.job(first.id)?.input.text == "2")
            try await desk.expectSound()
            #expect(
                try await desk.store.enqueueAll([
                    NewJob(name: "y", queue: "q", input: unique.input, limitKey: "c")
                ]) == 1
            )
            #expect(try await desk.count("blocked") == 3)
        }
    }

    @Test func `A slot given back twice is free once`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: "q")
            _ = try await desk.enqueue(5, "a")
            try await desk.dispatch()
            let held = try await desk.claim(5)
            try await desk.settle(held[0], .done(output: nil))
            try await desk.settle(held[0], .done(output: nil))
            try await desk.dispatch()
            #expect(try await desk.claim(5).count == 1)
        }
    }

    @Test func `A job with a key that waits for its time comes behind its key`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            let soon = PostgresTimestamp.now + .seconds(60)
            let id = try await desk.store.enqueue([
                NewJob(name: "x", queue: "q", input: JSONB(text: "{}"), runAt: soon, limitKey: "a")
            ])
            #expect(try await desk.states(id) == [.scheduled])
            try await desk.shift(61)
            _ = try await database.client.query(JobStatements.promoteDue(limit: 10))
            #expect(try await desk.states(id) == [.blocked])
            try await desk.dispatch()
            #expect(try await desk.claim(1).map(\.id) == id)
        }
    }

    @Test func `A key's own limit counts instead of the queue's, and both change live`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            let limits = QueueLimits(
                maxRunning: 100,
                rate: RateLimit(perSecond: 2.5, burst: 5),
                perKey: KeyLimit(maxRunning: 1, rate: RateLimit(perSecond: 1, burst: 9)),
                fairWindow: 50
            )
            try await desk.store.setLimits(limits, queue: "q")
            #expect(try await desk.store.limits(queue: "q") == limits)
            #expect(try await desk.store.limits(queue: "other") == QueueLimits())
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: "q")
            try await desk.store.setKeyLimit(KeyLimit(maxRunning: 3), queue: "q", key: "vip")
            _ = try await desk.enqueue(9, "vip") + desk.enqueue(9, "a")
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 1, "vip": 3])
            try await desk.store.setKeyLimit(KeyLimit(maxRunning: 0), queue: "q", key: "a")
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 5)), queue: "q")
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 1, "vip": 3])
            try await desk.store.setKeyLimit(nil, queue: "q", key: "vip")
            try await desk.store.setKeyLimit(nil, queue: "q", key: "a")
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 5, "vip": 5])
            try await desk.store.setLimits(QueueLimits(), queue: "q")
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 9, "vip": 9])
            try await desk.expectSound()
        }
    }

    @Test(arguments: [
        QueueLimits(maxRunning: -1), QueueLimits(fairWindow: 0),
        QueueLimits(rate: RateLimit(perSecond: 0, burst: 1)),
        QueueLimits(perKey: KeyLimit(rate: RateLimit(perSecond: 1, burst: 0))),
    ])
    func `A limit outside of what is accepted is refused`(_ limits: QueueLimits) async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            let error = await #expect(throws: JobsError.self) {
                try await desk.store.setLimits(limits, queue: "q")
            }
            #expect(error?.code == .invalidLimit)
            let unknown = await #expect(throws: JobsError.self) {
                try await desk.store.setLimits(QueueLimits(), queue: "nowhere")
            }
            #expect(unknown?.code == .unknownQueue && unknown?.message.contains("nowhere") == true)
        }
    }

    // MARK: Rates

    @Test func `A key starts its burst, then as many as its rate`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            let rate = RateLimit(perSecond: 0.0001, burst: 3)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(rate: rate)), queue: "q")
            _ = try await desk.enqueue(10, "a")
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 3])
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 3])
            // The clock runs on a little by itself, by less than half a token.
            try await desk.shift(15_000)
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 4])
            try await desk.shift(10_000)
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 5])
            try await desk.shift(1_000_000)
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 8])
            try await desk.expectSound()
        }
    }

    @Test func `A queue starts its burst, then as many as its rate, runs among them`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(
                QueueLimits(rate: RateLimit(perSecond: 0.0001, burst: 4)),
                queue: "q"
            )
            _ = try await desk.enqueue(5, nil)
            _ = try await desk.store.enqueue(
                (0..<5).map { _ in NewJob.run(name: "x", queue: "q", input: JSONB(text: "{}")) }
            )
            #expect(try await desk.claim(3).count == 3)
            #expect(try await desk.claim(9).count == 1)
            #expect(try await desk.claim(9).isEmpty)
            try await desk.shift(25_000)
            #expect(try await desk.claim(9).count == 2)
            #expect(try await desk.claim(9).isEmpty)
            try await desk.shift(1_000_000)
            #expect(try await desk.claim(9).count == 4)
        }
    }

    // MARK: A whole queue

    @Test func `A queue runs as many as its limit, jobs and runs, and more when some end`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(maxRunning: 5), queue: "q")
            _ = try await desk.enqueue(4, nil)
            _ = try await desk.store.enqueue(
                (0..<4).map { _ in NewJob.run(name: "x", queue: "q", input: JSONB(text: "{}")) }
            )
            let first = try await desk.claim(3)
            let second = try await desk.claim(9)
            #expect(first.count == 3 && second.count == 2)
            #expect(try await desk.claim(9).isEmpty)
            let run = try #require(second.first { $0.isRun })
            _ = try await database.client.query(
                JobStatements.finish([JobOutcome(id: run.id, next: .done(output: JSONB(text: "1")))])
            )
            #expect(try await desk.claim(9).count == 1)
            _ = try await database.client.query(JobStatements.close(batches: [first[0].batch]))
            #expect(try await desk.claim(9).count == 2)
        }
    }

    @Test func `Eight rival claimers never hold more of a queue than its limit`() async throws {
        try await withDatabase(pool: .init(maximum: 10)) { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(maxRunning: 7), queue: "q")
            let ids = try await desk.enqueue(300, nil)
            let (ended, most) = try await withThrowingTaskGroup(of: (Int, Int64).self) { group in
                for worker in Int64(1)...8 {
                    group.addTask {
                        var ended = 0
                        var most = Int64(0)
                        var random = SeededRandom(seed: UInt64(worker))
                        while true {
                            let jobs = try await desk.claim(
                                Int.random(in: 1...5, using: &random),
                                worker: worker
                            )
                            let held: Int64 = try await database.client.query(
                                Query(
                                    "t",
                                    "SELECT coalesce(sum(cardinality(job_ids)), 0)::bigint FROM claims"
                                )
                            )[0][0]
                            most = max(most, held)
                            if jobs.isEmpty {
                                if try await desk.count("ready") == 0 { return (ended, most) }
                                continue
                            }
                            _ = try await database.client.query(
                                JobStatements.close(batches: Array(Set(jobs.map(\.batch))))
                            )
                            ended += jobs.count
                        }
                    }
                }
                return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, max($0.1, $1.1)) }
            }
            #expect(ended == ids.count)
            #expect(most <= 7 && most > 1, "\(most) at a time")
        }
    }

    // MARK: Fairness, signals, pausing

    @Test func `A flood of one key does not starve another`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            // Who came when is what it is about.
            try await database.client.startClock()
            try await desk.store.setLimits(QueueLimits(fairWindow: 20), queue: "q")
            _ = try await desk.enqueue(10_000, "a")
            var ofA = 0
            func work(until isOver: () -> Bool, note: (ClaimedJob) -> Void) async throws {
                while !isOver() {
                    try await desk.dispatch()
                    for job in try await desk.claim(5) {
                        note(job)
                        try await desk.settle(job, .done(output: nil))
                    }
                }
            }
            try await work(until: { ofA >= 50 }, note: { _ in ofA += 1 })
            let late = Set(try await desk.enqueue(10, "b"))
            ofA = 0
            var ofB = 0
            try await work(until: { ofB == 10 }) { job in
                if late.contains(job.id) { ofB += 1 } else { ofA += 1 }
            }
            #expect(ofA <= 100 + 20, "\(ofA) of the flood came before")
            try await desk.expectSound()
        }
    }

    @Test func `A key alone runs more than its window, and never has more than that in its lane`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(fairWindow: 5), queue: "q")
            _ = try await desk.enqueue(40, "a")
            var running: [ClaimedJob] = []
            for _ in 0..<6 {
                try await desk.dispatch()
                #expect(try await desk.count("ready") == 5)
                running += try await desk.claim(5)
            }
            #expect(running.count == 30)
            // Nothing has ended. One that comes late waits for no more than the window.
            let late = Set(try await desk.enqueue(1, "b"))
            try await desk.dispatch()
            let next = try await desk.claim(6)
            #expect(next.count == 6 && next.contains { late.contains($0.id) })
            // A limit counts those that run all the same.
            let limits = QueueLimits(perKey: KeyLimit(maxRunning: 36), fairWindow: 5)
            try await desk.store.setLimits(limits, queue: "q")
            try await desk.dispatch()
            #expect(try await desk.claim(9).count == 1)
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 36, "b": 1])
            try await desk.expectSound()
        }
    }

    @Test func `What was signalled and lost is found by the sweep`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: "q")
            for key in ["a", "b", "c"] { _ = try await desk.enqueue(2, key) }
            try await database.client.execute(Query("t", "DELETE FROM key_signals"))
            try await desk.dispatch()
            #expect(try await desk.held().isEmpty)
            let stuck = try #require(EngineAudit.checks.first { $0.name.hasPrefix("no blocked job waits") })
            #expect(try await stuck.offenders(in: database.client).count == 3)
            // Two keys at a time, from where the last round stopped.
            let first = try await database.client.query(LimitStatements.sweep(after: ("", ""), most: 2))[0]
            #expect(try [first[0], first[1]] as [String?] == ["q", "b"])
            #expect(try first[2] as [String] == ["q"])
            let second = try await database.client.query(LimitStatements.sweep(after: ("q", "b"), most: 2))[0]
            #expect(try second[0] as String? == nil)
            try await desk.dispatch()
            #expect(try await desk.held() == ["a": 1, "b": 1, "c": 1])
            // Full keys are left alone.
            let third = try await database.client.query(LimitStatements.sweep(after: ("", ""), most: 9))[0]
            #expect(try (third[2] as [String]).isEmpty)
            try await desk.expectSound()
        }
    }

    @Test func `Rows of keys that tell nothing any more are dropped`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            let rate = RateLimit(perSecond: 0.001, burst: 2)
            try await desk.store.setLimits(QueueLimits(perKey: KeyLimit(rate: rate)), queue: "q")
            try await desk.store.setKeyLimit(KeyLimit(maxRunning: 1), queue: "q", key: "own")
            for key in ["a", "b", "c"] { _ = try await desk.enqueue(key == "c" ? 1 : 3, key) }
            try await desk.dispatch()
            for job in try await desk.claim(9) where job.input.text.contains("c") {
                try await desk.settle(job, .done(output: nil))
            }
            func forget() async throws -> Int64 {
                try await database.client.query(LimitStatements.forgetKeys(most: 10))[0][0]
            }
            #expect(try await forget() == 0)
            try await desk.shift(5000)
            #expect(try await forget() == 1)
            #expect(try await desk.count("limit_keys") == 3)
        }
    }

    @Test func `A paused queue has no lanes to claim from until it is resumed`() async throws {
        try await withDatabase { database in
            let desk = try await LimitDesk(database)
            func lanes() async throws -> Int {
                try await database.client.query(WorkerStatements.lanes(of: ["q"])).count
            }
            try await desk.store.pause(queue: "q")
            #expect(try await lanes() == 0)
            try await desk.store.resume(queue: "q")
            #expect(try await lanes() == 1)
            let error = await #expect(throws: JobsError.self) { try await desk.store.pause(queue: "nowhere") }
            #expect(error?.code == .unknownQueue)
        }
    }
}
