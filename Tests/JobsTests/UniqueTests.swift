import Jobs
import Postgres
import Testing
import TestSupport

private func job(
    _ name: String = "x",
    _ input: String = "{}",
    key: String? = nil,
    unique: Uniqueness? = nil
) -> NewJob {
    NewJob(name: name, input: JSONB(text: input), key: key, unique: unique)
}

/// Jobs of which there is one at a time, whoever asks and whenever.
@Suite(.timeLimit(.minutes(5)))
struct UniqueTests {
    @Test func `Jobs are the same by the parts that were named`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            func outcomes(_ jobs: [NewJob]) async throws -> [Bool] {
                try await desk.store.offer(jobs).map(\.isDuplicate)
            }
            let byName = Uniqueness(by: .name)
            #expect(
                try await outcomes([
                    job("a", "1", unique: byName), job("a", "2", unique: byName), job("b", unique: byName),
                ]) == [
                    false, true, false,
                ]
            )
            let byInput = Uniqueness(by: [.name, .input])
            #expect(
                try await outcomes([
                    job("c", #"{"x": 1, "y": [2]}"#, unique: byInput),
                    job("c", #"{"y":[2],"x":1}"#, unique: byInput),
                    job("c", #"{"y":[3],"x":1}"#, unique: byInput),
                    job("d", #"{"x": 1, "y": [2]}"#, unique: byInput),
                ]) == [false, true, false, false]
            )
            let byBoth = Uniqueness(by: [.name, .key])
            #expect(
                try await outcomes([
                    job("e", key: "k", unique: byBoth), job("f", key: "k", unique: byBoth),
                    job("e", key: "l", unique: byBoth),
                    job("e", key: "k", unique: byBoth),
                ]) == [false, false, false, true]
            )
            let error = await #expect(throws: JobsError.self) {
                _ = try await outcomes([job("e", unique: byBoth)])
            }
            #expect(error?.code == .invalidJob)
        }
    }

    @Test func `A key is given back at the start, at the end or with the row`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            func offer(_ span: Uniqueness.Span) async throws -> Bool {
                try await desk.store.offer([
                    job(key: span.rawValue, unique: Uniqueness(by: .key, while: span))
                ])[0]
                .isDuplicate
            }
            let spans: [Uniqueness.Span] = [.queued, .unfinished, .kept]
            for span in spans { #expect(try await !offer(span)) }
            for span in spans { #expect(try await offer(span)) }
            let first = try await desk.claim()
            #expect(first.count == 3)
            #expect(first.map(\.owesMore) == [false, true, false])
            #expect(try await !offer(.queued))
            #expect(try await offer(.unfinished))
            #expect(try await desk.end(first, .done(output: nil)) == 3)
            #expect(try await offer(.queued))
            #expect(try await !offer(.unfinished))
            #expect(try await offer(.kept))
        }
    }

    @Test func `Every way to end gives the key back, and a retry does not`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            var unique = job(key: "k", unique: Uniqueness(by: .key))
            func isFree() async throws -> Bool { try await desk.count("job_keys") == 0 }
            for next in [
                JobEnd.Next.failed(failures: 1, error: "no"), .cancelled(reason: "enough"),
                .done(output: JSONB(text: "1")),
            ] {
                _ = try await desk.store.enqueue([unique])
                try await desk.end(
                    try await desk.claim(),
                    .retry(after: .zero, failures: 1, error: "not yet")
                )
                #expect(try await !isFree())
                _ = try await database.client.query(JobStatements.promoteDue(limit: 10))
                try await desk.end(try await desk.claim(), next)
                #expect(try await isFree(), "after \(next)")
            }
            unique.startBy = .now + .seconds(10)
            _ = try await desk.store.enqueue([unique])
            try await desk.shiftClock(60)
            #expect(try await desk.claim().isEmpty)
            #expect(try await isFree(), "after it expired")

            unique.startBy = nil
            _ = try await desk.store.enqueue([unique])
            _ = try await desk.claim(worker: 99)
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 10, maxFailures: 1))
            #expect(try await isFree(), "after it killed its worker")

            unique.startBy = nil
            var run = NewJob.run(name: "r", queue: "default", input: JSONB(text: "{}"), key: "r")
            run.unique = Uniqueness(by: .key)
            let made = try await desk.store.enqueue([run])
            _ = try await database.client.query(JobStatements.cancel(made))
            #expect(try await isFree(), "after a waiting run was cancelled")
            let again = try await desk.store.enqueue([run])
            #expect(try await desk.claim().map(\.id) == again)
            _ = try await database.client.query(
                JobStatements.finish([JobOutcome(id: again[0], next: .done(output: JSONB(text: "1")))])
            )
            #expect(try await isFree(), "after a run was done")
        }
    }

    @Test func `A window ends by the database's clock, and one of many rivals gets the key`() async throws {
        try await withDatabase(pool: .init(maximum: 9)) { database in
            let desk = try await PlainDesk(database)
            let unique = job(key: "k", unique: Uniqueness(by: .key, while: .kept, within: .seconds(6000)))
            let first = try await desk.store.offer([unique])[0]
            try await desk.shiftClock(5000)
            #expect(try await desk.store.offer([unique])[0] == Enqueued(id: first.id, outcome: .found))
            try await desk.shiftClock(2000)
            let answers = try await withThrowingTaskGroup(of: Enqueued.self) { group in
                for _ in 0..<8 { group.addTask { try await desk.store.offer([unique])[0] } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { !$0.isDuplicate } == 1)
            #expect(Set(answers.map(\.id)).count == 1)
            #expect(answers[0].id != first.id)
        }
    }

    @Test func `The end of one whose window is over leaves its successor's key alone`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let unique = job(
                key: "k",
                unique: Uniqueness(by: .key, while: .unfinished, within: .seconds(600))
            )
            _ = try await desk.store.enqueue([unique])
            let old = try await desk.claim()
            try await desk.shiftClock(700)
            let heir = try await desk.store.offer([unique])[0]
            #expect(!heir.isDuplicate)
            try await desk.end(old, .done(output: nil))
            #expect(try await desk.store.offer([unique])[0] == Enqueued(id: heir.id, outcome: .found))
        }
    }

    @Test func `Replacing changes what nobody has started, and nothing else`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            func version(_ text: String, at instant: PostgresTimestamp? = nil) -> NewJob {
                var next = job("x", text, key: "k", unique: Uniqueness(by: .key, onConflict: .replace))
                next.runAt = instant
                return next
            }
            let first = try await desk.store.offer([version("1")])[0]
            #expect(
                try await desk.store.offer([version("2")])[0] == Enqueued(id: first.id, outcome: .replaced)
            )
            #expect(
                try await desk.store.offer([version("3", at: .now + .seconds(60))])[0].outcome == .replaced
            )
            #expect(try await desk.claim().isEmpty)
            #expect(try await desk.store.job(first.id)?.state == .scheduled)
            #expect(try await desk.store.offer([version("4")])[0].outcome == .replaced)
            let claimed = try await desk.claim()
            #expect(claimed.map(\.input.text) == ["4"])
            #expect(try await desk.store.offer([version("5")])[0] == Enqueued(id: first.id, outcome: .found))
            #expect(try await desk.store.job(first.id)?.input.text == "4")
            try await desk.shiftClock(120)
            _ = try await database.client.query(JobStatements.promoteDue(limit: 10))
            #expect(try await desk.claim().isEmpty, "the timer of a time that was replaced did something")
        }
    }

    @Test func `A job is replaced before its claim or not at all`() async throws {
        try await withDatabase(pool: .init(maximum: 4)) { database in
            let desk = try await PlainDesk(database)
            for round in 0..<60 {
                let old = job("x", "0", key: "k\(round)", unique: Uniqueness(by: .key, onConflict: .replace))
                var new = old
                new.input = JSONB(text: "1")
                _ = try await desk.store.offer([old])
                async let claimed = desk.claim()
                async let answer = desk.store.offer([new])[0]
                let (outcome, ran) = (try await answer.outcome, try await claimed + desk.claim())
                #expect(
                    ran.map(\.input.text) == [outcome == .replaced ? "1" : "0"],
                    "round \(round): \(outcome)"
                )
                try await desk.end(ran, .done(output: nil))
            }
        }
    }

    @Test func `Of eight clients with the same keys, one makes each job`() async throws {
        try await withDatabase(pool: .init(maximum: 9)) { database in
            let desk = try await PlainDesk(database)
            let answers = try await withThrowingTaskGroup(of: [Enqueued].self) { group in
                for client in 0..<8 {
                    group.addTask {
                        var mine: [Enqueued] = []
                        for batch in 0..<10 {
                            var jobs = (0..<20).map {
                                job(key: "\(batch * 20 + $0)", unique: Uniqueness(by: .key))
                            }
                            // In an order of its own: the statement takes keys in theirs.
                            jobs = Array(jobs[(client * 2)...] + jobs[..<(client * 2)])
                            mine += try await desk.store.offer(jobs)
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(answers.count == 1600)
            #expect(answers.count { !$0.isDuplicate } == 200)
            #expect(Set(answers.map(\.id)).count == 200)
            #expect(try await desk.count("jobs") == 200)
            #expect(try await desk.count("ready") == 200)
        }
    }

    @Test func `A key of a transaction that rolls back goes to the one who waited`() async throws {
        struct No: Error {}
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let unique = job(key: "k", unique: Uniqueness(by: .key))
            let later = try await withThrowingTaskGroup(of: Enqueued.self) { group in
                do {
                    try await database.client.withTransaction { tx in
                        let first = try await desk.store.offer([unique], in: &tx)
                        #expect(first[0].outcome == .made)
                        group.addTask { try await desk.store.offer([unique])[0] }
                        try await desk.untilSomeoneWaits()
                        throw No()
                    }
                } catch is No {}
                return try await group.next()
            }
            #expect(later?.outcome == .made)
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test func `A key of a transaction that commits is found by the one who waited`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let unique = job(key: "k", unique: Uniqueness(by: .key))
            try await withThrowingTaskGroup(of: Enqueued.self) { group in
                let first = try await database.client.withTransaction { tx in
                    let first = try await desk.store.offer([unique], in: &tx)[0]
                    group.addTask { try await desk.store.offer([unique])[0] }
                    try await desk.untilSomeoneWaits()
                    return first
                }
                let later = try await group.next()
                #expect(later == Enqueued(id: first.id, outcome: .found))
            }
        }
    }

    @Test func `A job that ends at the same moment is found or followed, never doubled`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let unique = job(key: "k", unique: Uniqueness(by: .key))
            var current = try await desk.store.offer([unique])[0].id
            var followed = 0
            for round in 0..<60 {
                let claimed = try await desk.claim()
                #expect(claimed.map(\.id) == [current], "round \(round)")
                async let ended = desk.end(claimed, .done(output: nil))
                async let answer = desk.store.offer([unique])[0]
                let (next, _) = try await (answer, ended)
                if next.isDuplicate {
                    #expect(next.id == current)
                    current = try await desk.store.offer([unique])[0].id
                } else {
                    followed += 1
                    #expect(next.id > current)
                    current = next.id
                }
                #expect(try await desk.count("ready") == 1, "round \(round)")
                #expect(try await desk.count("job_keys") == 1, "round \(round)")
            }
            #expect(try await desk.count("jobs") == 61)
            #expect(followed <= 60)
        }
    }

    @Test func `A worker that runs a unique job gives its key back with the job's end`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            _ = try await desk.store.enqueue([job(), job(key: "k", unique: Uniqueness(by: .key))])
            let claimed = try await desk.claim()
            #expect(claimed.map(\.owesMore) == [false, true])
            _ = try await desk.store.enqueue([job()])
            #expect(
                try await desk.claim().map(\.owesMore) == [false],
                "a plain job must be closed with its batch"
            )
        }
    }
}

/// Queues: how they are cut and ordered.
@Suite(.timeLimit(.minutes(5)))
struct QueueOptionsTests {
    @Test func `A queue is made with its options, and its ageing can be changed`() async throws {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            func known(_ name: String) async throws -> [Int64?] {
                let row = try await database.client.query(
                    Query("t", "SELECT lanes::bigint, ageing_ms FROM queues WHERE name = \(name)")
                )[0]
                return [try row[0], try row[1]]
            }
            try await store.ensureQueue("aged", options: QueueOptions(lanes: 2, ageing: .seconds(60)))
            #expect(try await known("aged") == [2, 60_000])
            try await store.setAgeing(.seconds(5), of: "aged")
            #expect(try await known("aged") == [2, 5000])
            try await store.setAgeing(nil, of: "aged")
            #expect(try await known("aged") == [2, nil])
            let lanes = await #expect(throws: JobsError.self) {
                try await store.ensureQueue("aged", options: QueueOptions(lanes: 3))
            }
            #expect(lanes?.message == "queue aged has 2 lanes, and their number is fixed; 3 were asked for")
            let none = await #expect(throws: JobsError.self) { try await store.setAgeing(nil, of: "nowhere") }
            #expect(none?.code == .unknownQueue)
            await #expect(throws: JobsError.self) {
                try await store.ensureQueue("wide", options: QueueOptions(lanes: 65))
            }
        }
    }

    // MARK: Redriving

    /// Fails everything that is ready, for good.
    private func fail(_ desk: PlainDesk) async throws {
        try await desk.end(try await desk.claim(), .failed(failures: 1, error: "no"))
    }

    @Test func `A redriven job has its key again, or is refused while another has it`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let job = NewJob(
                name: "x",
                input: JSONB(text: "{}"),
                key: "k",
                unique: Uniqueness(by: .key, while: .unfinished)
            )
            let first = try await desk.store.offer([job])[0].id
            try await fail(desk)
            #expect(try await desk.store.redrive(first))
            #expect(try await desk.store.offer([job])[0] == Enqueued(id: first, outcome: .found))
            try await fail(desk)
            let second = try await desk.store.offer([job])[0].id
            #expect(second != first)
            let refusal = await #expect(throws: JobsError.self) { try await desk.store.redrive(first) }
            #expect(refusal?.code == .keyTaken && refusal?.message.contains("job \(second)") == true)
            #expect(try await desk.store.redriveAll() == 0)
            #expect(try await desk.store.job(first)?.state == .failed)
            #expect(try await desk.store.deadLetters().map(\.id) == [first])
            // Two dead letters of one key: the first is redriven, and the other once that has ended.
            try await fail(desk)
            #expect(try await desk.store.redriveAll() == 1)
            #expect(try await desk.claim().map(\.id) == [first])
            #expect(try await desk.store.deadLetters().map(\.id) == [second])
        }
    }

    @Test func `A redriven job takes over a key that has expired, and none that it held until its start`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            func job(_ span: Uniqueness.Span, within window: Duration? = nil) -> NewJob {
                NewJob(
                    name: "x",
                    input: JSONB(text: "{}"),
                    key: "\(span)",
                    unique: Uniqueness(by: .key, while: span, within: window)
                )
            }
            let old = try await desk.store.offer([job(.unfinished), job(.queued)]).map(\.id)
            try await fail(desk)
            // They have the keys by now, the first for a minute only.
            let new = try await desk.store.offer([job(.unfinished, within: .seconds(60)), job(.queued)]).map(
                \.id
            )
            #expect(Set(old).isDisjoint(with: new))
            #expect(try await desk.store.redriveAll() == 1)
            try await desk.shiftClock(61)
            #expect(try await desk.store.redriveAll() == 1)
            let asked = try await desk.store.offer([job(.unfinished), job(.queued)])
            #expect(asked.map(\.id) == [old[0], new[1]])
        }
    }
}
