import Jobs
import Postgres
import Reactor
import TestSupport
import Testing
import Workflows

private let go = EventKey<Int>("go")

/// Doubles what it is given, and refuses what is not positive.
private struct Doubling: Workflow {
    static let name = "doubling"
    static let retry = RetryPolicy.never
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        guard input > 0 else { throw WorkflowError(code: .misuse, message: "\(input) is not positive") }
        return input * 2
    }
}

/// Waits until it is told what to return.
private struct Patient: Workflow {
    static let name = "patient"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.first(on(go) { $0 })
    }
}

/// Has a patient child of its own.
private struct Middle: Workflow {
    static let name = "middle"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.child(Patient.self, input)
    }
}

private func withFamily<Output: Codable & Sendable>(
    _ parent: @escaping @Sendable (WorkflowContext, Int) async throws -> Output,
    _ body: (TestDatabase, WorkflowClient, WorkflowRegistry) async throws -> Void
) async throws {
    var registry = WorkflowRegistry()
    registry.register(Doubling())
    registry.register(Patient())
    registry.register(Middle())
    registry.register(Scripted(body: parent))
    try await withDatabase { database in
        let client = WorkflowClient(postgres: database.client)
        try await client.store.ensureQueue("default")
        try await body(database, client, registry)
    }
}

extension TestDatabase {
    /// The only run of a name, once there is one.
    fileprivate func run(named name: String) async throws -> JobID {
        try await eventually("there is a \(name)") {
            try await client.query(Query("t", "SELECT id FROM jobs WHERE name = \(name)")).first
                .map { JobID(rawValue: try $0[0]) }
        }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct ChildrenTests {
    @Test func `A parent waits for its child and gets its result or its error`() async throws {
        let parent: @Sendable (WorkflowContext, Int) async throws -> String = { context, input in
            let good = try await context.child(Doubling.self, input)
            do {
                _ = try await context.child(Doubling.self, -1)
            } catch let failure as ChildFailure {
                return "\(good) \(failure.kind) \(failure.message)"
            }
            return "the second child did not fail"
        }
        try await withFamily(parent) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 21)
                _ = try await database.ended(run)
                let answer = try await client.result(of: run, Scripted<String>.self)
                #expect(answer == "42 failed -1 is not positive")
            }
        }
    }

    @Test(arguments: ["child", "event", "timer"])
    func `Whatever comes first of child, event and timer wakes the parent`(winner: String) async throws {
        let poked = EventKey<String>("poked")
        let parent: @Sendable (WorkflowContext, Int) async throws -> String = { context, _ in
            let child = try await context.spawn(Patient.self, 0)
            return try await context.first(
                ended(child) { (try? $0.get()).map { "child \($0)" } ?? "no result" },
                on(poked) { $0 },
                after(.seconds(600)) { "timer" }
            )
        }
        try await withFamily(parent) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                try await database.reached(.waiting, run)
                let child = try await database.run(named: "patient")
                switch winner {
                case "child": _ = try await client.send(go, 7, to: child)
                case "event": _ = try await client.send(poked, "event", to: run)
                default: try await database.shiftClock(601)
                }
                _ = try await database.ended(run)
                let answer = try await client.result(of: run, Scripted<String>.self)
                #expect(answer == (winner == "child" ? "child 7" : winner))
                // Whose parent ended without it is cancelled.
                let ended = try await database.ended(child)
                #expect(ended.state == (winner == "child" ? .done : .cancelled))
                if winner != "child" { #expect(ended.error == "its parent ended") }
            }
        }
    }

    @Test func `A fan-out of thousands wakes its parent once, with all results in order`() async throws {
        let parent: @Sendable (WorkflowContext, Int) async throws -> [String] = { context, count in
            let inputs = (1...count).map { $0 % 100 == 0 ? -$0 : $0 }
            let results = try await context.children(Doubling.self, inputs)
            // A later go has them from the checkpoint.
            try await context.sleep(for: .milliseconds(1))
            return results.map { result in
                switch result {
                case .success(let output): "\(output)"
                case .failure(let failure): "\(failure.kind): \(failure.message)"
                }
            }
        }
        try await withFamily(parent) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<[String]>.self, 3000)
                let job = try await database.ended(run)
                let expected = (1...3000).map {
                    $0 % 100 == 0 ? "failed: -\($0) is not positive" : "\(2 * $0)"
                }
                #expect(try await client.result(of: run, Scripted<[String]>.self) == expected)
                // The fan-out, the fan-in, and the sleep.
                #expect(job.epoch == 3)
                #expect(try await database.count("events") == 1)
                #expect(try await database.count("fan_ins") == 0)
                #expect(try await database.count("orphaned_runs") == 0)
            }
        }
    }

    @Test func `A fan-out over nothing is over at once`() async throws {
        let parent: @Sendable (WorkflowContext, Int) async throws -> Int = { context, _ in
            try await context.children(Doubling.self, []).count
        }
        try await withFamily(parent) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                #expect(try await database.ended(run).epoch == 1)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 0)
            }
        }
    }

    @Test func `A child that its parent cancels ends, and says so`() async throws {
        let parent: @Sendable (WorkflowContext, Int) async throws -> String = { context, _ in
            let child = try await context.spawn(Patient.self, 0)
            try await context.cancel(child)
            do {
                return "\(try await context.result(of: child))"
            } catch let failure as ChildFailure {
                return "\(failure.kind): \(failure.message)"
            }
        }
        try await withFamily(parent) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                _ = try await database.ended(run)
                let answer = try await client.result(of: run, Scripted<String>.self)
                #expect(answer == "cancelled: its parent cancelled it")
            }
        }
    }

    @Test(arguments: [JobState.done, .failed, .cancelled])
    func `When a parent ends, its children and theirs are cancelled, and detached runs live on`(
        end: JobState
    ) async throws {
        struct Broken: Error {}
        let parent: @Sendable (WorkflowContext, Int) async throws -> Int = { context, _ in
            _ = try await context.spawn(Middle.self, 1)
            _ = try await context.start(Scripted<Int>.self, 1)
            let end = try await context.first(on(go) { $0 })
            if end < 0 { throw JobVerdict.discard("broken") }
            return end
        }
        let either: @Sendable (WorkflowContext, Int) async throws -> Int = { context, input in
            // The detached one waits, too.
            input == 1 ? try await context.first(on(go) { $0 }) : try await parent(context, input)
        }
        try await withFamily(either) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                let middle = try await database.run(named: "middle")
                let patient = try await database.run(named: "patient")
                for waiting in [run, middle, patient] { try await database.reached(.waiting, waiting) }
                switch end {
                case .cancelled: #expect(try await client.cancel(run))
                case .failed: _ = try await client.send(go, -1, to: run)
                default: _ = try await client.send(go, 1, to: run)
                }
                #expect(try await database.ended(run).state == end)
                #expect(try await database.ended(patient).state == .cancelled)
                #expect(try await database.ended(middle).state == .cancelled)
                let detached: Int64 = try await database.client.query(
                    Query("t", "SELECT max(id) FROM jobs WHERE name = 'scripted'")
                )[0][0]
                try await database.reached(.waiting, JobID(rawValue: detached))
                #expect(try await database.count("orphaned_runs") == 0)
            }
        }
    }

    @Test func `A parent that failed and is redriven hears of the children it left`() async throws {
        let isMended = Lock(false)
        let parent: @Sendable (WorkflowContext, Int) async throws -> String = { context, _ in
            let child = try await context.spawn(Patient.self, 0)
            guard isMended.withLock({ $0 }) else { throw JobVerdict.discard("broken") }
            do {
                return "\(try await context.result(of: child))"
            } catch let failure as ChildFailure {
                return "\(failure.kind): \(failure.message)"
            }
        }
        try await withFamily(parent) { database, client, registry in
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                #expect(try await database.ended(run).state == .failed)
                isMended.withLock { $0 = true }
                _ = try await client.store.redrive(run)
                #expect(try await database.ended(run).state == .done)
                let answer = try await client.result(of: run, Scripted<String>.self)
                // A child that was being driven at that moment does not know the reason.
                #expect(answer?.hasPrefix("cancelled: ") == true)
            }
        }
    }

    @Test func `A run that continues as new may take its children along, and its new ones are others`()
        async throws
    {
        struct Relay: Workflow {
            struct Baton: Codable {
                var results: [Int] = []
                var child: ChildRun<Int>?
            }
            static let name = "relay"
            func run(_ context: WorkflowContext, _ input: Baton) async throws -> [Int] {
                var baton = input
                if let child = baton.child { baton.results.append(try await context.result(of: child)) }
                if baton.results.count == 4 { return baton.results }
                baton.results += try await context.children(Doubling.self, [1 + baton.results.count])
                    .map { try $0.get() }
                baton.child = try await context.spawn(Doubling.self, 10 + baton.results.count)
                try context.continueAsNew(baton)
            }
        }
        try await withFamily({ _, _ in 0 }) { database, client, registry in
            var registry = registry
            registry.register(Relay())
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Relay.self, Relay.Baton())
                let job = try await database.ended(run)
                #expect(job.state == .done, "\(job.error ?? "")")
                #expect(try await client.result(of: run, Relay.self) == [2, 22, 6, 26])
            }
        }
    }

    @Test func `A worker that dies between fan-out and fan-in costs nothing but time`() async throws {
        struct Elsewhere: Workflow {
            static let name = "elsewhere"
            static let queue = "elsewhere"
            func run(_ context: WorkflowContext, _ input: Int) async throws -> Int { input }
        }
        let parent: @Sendable (WorkflowContext, Int) async throws -> String = { context, count in
            let results = try await context.children(Elsewhere.self, Array(0..<count))
            return results.map { result in
                switch result {
                case .success(let output): "\(output)"
                case .failure(let failure): "\(failure.kind)"
                }
            }.joined(separator: " ")
        }
        try await withFamily(parent) { database, client, registry in
            var registry = registry
            registry.register(Elsewhere())
            try await client.store.ensureQueue("elsewhere", lanes: 1)
            let run = try await client.start(Scripted<String>.self, 6)
            try await withWorker(database, registry) { _ in try await database.reached(.waiting, run) }
            // Two workers that never were hold some of the children; one child has killed too many.
            let lane: Int32 = try await database.client.query(
                Query("t", "SELECT first_lane + side * lanes FROM queues WHERE name = 'elsewhere'")
            )[0][0]
            let leaf = LaneLeaf(number: lane, queue: "elsewhere")
            let first = try await database.client.query(JobStatements.claim(leaf, limit: 1, worker: 998))
            #expect(first.count == 1)
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 100, maxFailures: 1))
            let more = try await database.client.query(JobStatements.claim(leaf, limit: 3, worker: 999))
            #expect(more.count == 3)
            try await withWorker(database, registry, queues: ["default", "elsewhere"]) { _ in
                let job = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<String>.self) == "crashed 1 2 3 4 5")
                #expect(job.epoch == 2)
            }
        }
    }

    @Test func `Of two workers that end the last two children at the same time, one wakes the parent`()
        async throws
    {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default", lanes: 1)
            let input = JSONB(text: "0")
            let parent = try await store.enqueue([NewJob.run(name: "x", queue: "default", input: input)])[0]
            let leaf = LaneLeaf(number: 0, queue: "default")
            #expect(
                try await database.client.query(JobStatements.claim(leaf, limit: 9, worker: 1)).count == 1
            )
            let fanIn = "children:x"
            let children = try await store.enqueue(
                (0..<2).map { ordinal in
                    var job = NewJob.run(name: "x", queue: "default", input: input)
                    job.parent = (parent, ChildEnd.event(of: fanIn, ordinal: ordinal))
                    return job
                }
            )
            try await database.client.execute(JobStatements.openFanIn(parent, fanIn, children: 2))
            _ = try await database.client.query(
                JobStatements.finish([JobOutcome(id: parent, next: .waiting(events: [fanIn], until: nil))])
            )
            #expect(
                try await database.client.query(JobStatements.claim(leaf, limit: 9, worker: 1)).count == 2
            )

            @Sendable func end(_ ordinal: Int, in tx: inout Transaction) async throws -> Set<String> {
                let child = children[ordinal]
                _ = try await tx.query(JobStatements.lock([parent, child]))
                _ = try await tx.query(
                    JobStatements.finish([JobOutcome(id: child, next: .done(output: input))])
                )
                let to = (id: parent, event: ChildEnd.event(of: fanIn, ordinal: ordinal))
                return try await JobStore.tell([ChildEnd(of: child, to: to, output: input)], in: &tx)
            }
            try await withThrowingTaskGroup(of: Set<String>.self) { group in
                try await database.client.withTransaction { tx in
                    #expect(try await end(0, in: &tx).isEmpty)
                    group.addTask {
                        try await database.client.withTransaction { tx in try await end(1, in: &tx) }
                    }
                    _ = try await database.eventually("the other waits for a lock") {
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
                #expect(try await group.next() == ["default"])
            }
            #expect(try await store.job(parent)?.state == .ready)
            let rows: Int64 = try await database.client.query(
                Query("t", "SELECT count(*) FROM ready WHERE job_id = \(parent.rawValue)")
            )[0][0]
            #expect(rows == 1)
            #expect(
                try await database.client.query(Query("t", "SELECT open FROM fan_ins"))[0][0] as Int32 == 0
            )
        }
    }
}
