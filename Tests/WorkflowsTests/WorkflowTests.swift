import Jobs
import Postgres
import Reactor
import Telemetry
import Testing
import TestSupport
import Worker
import Workflows

/// A workflow whose code a test writes in place.
struct Scripted<Output: Codable & Sendable>: Workflow {
    static var name: String { "scripted" }
    static var retry: RetryPolicy { .fixed(.milliseconds(10), max: 3) }
    let body: @Sendable (WorkflowContext, Int) async throws -> Output

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Output {
        try await body(context, input)
    }
}

private func registry<Output>(
    _ body: @escaping @Sendable (WorkflowContext, Int) async throws -> Output
) -> WorkflowRegistry where Output: Codable & Sendable {
    var registry = WorkflowRegistry()
    registry.register(Scripted(body: body))
    return registry
}

private let poked = EventKey<String>("poked")

@Suite(.timeLimit(.minutes(5)))
struct WorkflowTests {
    @Test func `Steps run once, in order, and their results survive a wait`() async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE effects (step text, run bigint)")
            let goes = Lock(0)
            let registry = registry { context, input in
                goes.withLock { $0 += 1 }
                let id = context.runID.rawValue
                let first = try await context.step("first") { tx in
                    try await tx.execute(Query("t", "INSERT INTO effects VALUES ('first', \(id))"))
                    return input + 1
                }
                try await context.sleep(for: .milliseconds(1))
                return try await context.step("second") { tx in
                    try await tx.execute(Query("t", "INSERT INTO effects VALUES ('second', \(id))"))
                    return first * 10
                }
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 4)
                let job = try await database.ended(run)
                #expect(job.state == .done)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 50)
            }
            #expect(goes.withLock { $0 } == 2)
            #expect(try await database.count("effects") == 2)
        }
    }

    @Test func `A step that throws keeps nothing, and its neighbours are not disturbed`() async throws {
        struct Broken: Error {}
        try await withDatabase { database in
            try await database.create("CREATE TABLE effects (run bigint)")
            let registry = registry { context, input in
                try await context.step("insert") { tx in
                    try await tx.execute(Query("t", "INSERT INTO effects VALUES (\(context.runID.rawValue))"))
                    if input == 7 { throw Broken() }
                }
                return input
            }
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            var runs: [JobID] = []
            for input in 0..<20 { runs.append(try await client.start(Scripted<Int>.self, input)) }
            try await withWorker(database, registry) { _ in
                for (input, run) in runs.enumerated() {
                    let job = try await database.ended(run)
                    #expect(job.state == (input == 7 ? .failed : .done))
                    if input == 7 { #expect(job.error?.contains("Broken") == true) }
                }
            }
            #expect(try await database.count("effects") == 19)
            #expect(try await database.count("dead_letters") == 1)
        }
    }

    @Test func `Code may catch what a step threw; the failure is recorded`() async throws {
        struct Refused: Error {}
        try await withDatabase { database in
            let tries = Lock(0)
            let registry = registry { context, _ in
                var answer = "granted"
                do {
                    try await context.step("ask") { _ in
                        tries.withLock { $0 += 1 }
                        throw Refused()
                    }
                } catch let suspended as WorkflowSuspended {
                    throw suspended
                } catch {
                    answer = "refused"
                }
                try await context.sleep(for: .milliseconds(1))
                return answer
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<String>.self) == "refused")
            }
            // Once with its cohort, once alone; the replay after the sleep finds the record.
            #expect(tries.withLock { $0 } == 2)
        }
    }

    @Test func `An effect is tried again with the same key, then its result is kept`() async throws {
        struct Flaky: Error {}
        try await withDatabase { database in
            let keys = Lock<[String]>([])
            let registry = registry { context, _ in
                try await context.effect("call", retry: .fixed(.milliseconds(5), max: 5)) { key in
                    let attempt = keys.withLock { keys in
                        keys.append(key)
                        return keys.count
                    }
                    if attempt < 3 { throw Flaky() }
                    return attempt
                }
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 3)
                #expect(keys.withLock { $0 } == Array(repeating: "\(run)/0/call", count: 3))
            }
        }
    }

    @Test func `Effects of parallel branches run side by side and all are kept`() async throws {
        try await withDatabase { database in
            let registry = registry { context, input in
                async let one = context.effect("one") { _ in input + 1 }
                async let two = context.effect("two") { _ in input + 2 }
                async let three = context.step("three") { _ in input + 3 }
                return try await one + two + three
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 10)
                let job = try await database.ended(run)
                #expect(job.state == .done, "\(job.error ?? "")")
                #expect(try await client.result(of: run, Scripted<Int>.self) == 36)
            }
        }
    }

    @Test(arguments: [true, false])
    func `The first of event and timer wins`(eventComes: Bool) async throws {
        try await withDatabase { database in
            let registry = registry { context, _ in
                try await context.first(on(poked) { $0 }, after(.seconds(600)) { "timer" })
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                try await database.reached(.waiting, run)
                if eventComes {
                    #expect(try await client.send(poked, "event", to: run) == .delivered)
                    #expect(try await client.send(poked, "late", to: run) != .delivered)
                } else {
                    try await database.shiftClock(601)
                }
                _ = try await database.ended(run)
                #expect(
                    try await client.result(of: run, Scripted<String>.self)
                        == (eventComes ? "event" : "timer")
                )
                #expect(try await client.send(poked, "after the end", to: run) == .ended)
                #expect(try await client.send(poked, "nobody", to: JobID(rawValue: 4_000_000)) == .unknownRun)
            }
        }
    }

    @Test func `An event may arrive before anyone waits`() async throws {
        try await withDatabase { database in
            let registry = registry { context, _ in try await context.first(on(poked) { $0 }) }
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            let run = try await client.start(Scripted<String>.self, 0)
            #expect(try await client.send(poked, "early", to: run) == .delivered)
            #expect(try await client.send(poked, "second", to: run) == .duplicate)
            try await withWorker(database, registry) { _ in
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<String>.self) == "early")
            }
        }
    }

    @Test func `A run continues as new without its checkpoints`() async throws {
        try await withDatabase { database in
            let registry = registry { context, input in
                let next = try await context.step("count") { _ in input + 1 }
                if next < 5 { try context.continueAsNew(next) }
                return next
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<Int>.self) == 5)
            }
            #expect(try await database.count("checkpoints") == 1)
        }
    }

    @Test func `A cohort step is performed for many runs at once, each with its own answer`() async throws {
        struct Double: CohortStep {
            static let name = "double"
            static let sizes = Lock<[Int]>([])
            let number: Int
            static func perform(
                _ batch: [CohortMember<Double>],
                in tx: inout Transaction
            ) async throws -> [Int] {
                sizes.withLock { $0.append(batch.count) }
                let rows = try await tx.query(
                    Query(
                        "t",
                        "SELECT n * 2 FROM unnest(\(batch.map { $0.step.number })) WITH ORDINALITY u (n, o) ORDER BY o"
                    )
                )
                return try rows.map { try $0[0] }
            }
        }
        try await withDatabase { database in
            let registry = registry { context, input in try await context.step(Double(number: input)) }
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            let jobs = try (0..<60).map {
                NewJob.run(name: "scripted", queue: "default", input: try JSONCoding.encode($0))
            }
            let runs = try await client.store.enqueue(jobs)
            try await withWorker(database, registry) { _ in
                for (input, run) in runs.enumerated() {
                    _ = try await database.ended(run)
                    #expect(try await client.result(of: run, Scripted<Int>.self) == input * 2)
                }
            }
            #expect(Double.sizes.withLock { $0.max() ?? 0 } > 10)
        }
    }

    @Test func `An effect for another pool moves the run there and back`() async throws {
        try await withDatabase { database in
            let registry = registry { context, _ in
                let where_ = try await context.effect("pay", queue: "payments") { _ in "paid" }
                try await context.sleep(for: .milliseconds(1))
                return where_
            }
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("payments")
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 0)
                // Nobody serves the other pool yet: the run waits there, on its row.
                _ = try await database.eventually("the run hopped") {
                    try await client.store.job(run).flatMap {
                        $0.queue == "payments" && $0.state == .ready ? true : nil
                    }
                }
                try await withWorker(database, registry, queues: ["payments"]) { _ in
                    _ = try await database.ended(run)
                }
                #expect(try await client.result(of: run, Scripted<String>.self) == "paid")
            }
        }
    }

    @Test func `Awaiting something other than the context fails with a message that says so`() async throws {
        try await withDatabase { database in
            let registry = registry { _, _ in
                try await Task.sleep(for: .seconds(3600))
                return 1
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 0)
                let job = try await database.ended(run)
                #expect(job.state == .failed)
                #expect(job.error?.contains("awaits something other than its context") == true)
            }
        }
    }

    @Test func `A zombie's late commit changes nothing`() async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE effects (run bigint)")
            let gate = AsyncStream.makeStream(of: Void.self)
            let goes = Lock(0)
            let registry = registry { context, _ in
                try await context.effect("slow") { _ in
                    if goes.withLock({ goes in
                        goes += 1; return goes
                    }) == 1 {
                        for await _ in gate.stream { break }
                    }
                }
                try await context.step("insert") { tx in
                    try await tx.execute(Query("t", "INSERT INTO effects VALUES (\(context.runID.rawValue))"))
                }
                return goes.withLock { $0 }
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { zombie in
                let run = try await client.start(Scripted<Int>.self, 0)
                _ = try await database.eventually("the effect began") {
                    goes.withLock { $0 == 1 } ? true : nil
                }
                // The scheduler takes the first worker for dead while it is stuck in its effect.
                try await database.create("DELETE FROM workers")
                _ = try await database.eventually("the run was claimed again") {
                    goes.withLock { $0 >= 2 } ? true : nil
                }
                _ = try await database.ended(run)
                gate.continuation.yield()
                _ = try await database.eventually("the zombie settled") { zombie.running == 0 ? true : nil }
                // Twice at least: a machine that stands still may lose the heir, too.
                let goesTold = try #require(try await client.result(of: run, Scripted<Int>.self))
                #expect(goesTold >= 2)
            }
            #expect(try await database.count("effects") == 1)
        }
    }

    @Test func `An eager start answers with the first steps' results, and a worker goes on`() async throws {
        try await withDatabase { database in
            let registry = registry { context, input in
                let held = try await context.step("hold") { _ in input * 3 }
                let poke = try await context.first(on(poked) { $0 })
                return "\(held) \(poke)"
            }
            let client = WorkflowClient(postgres: database.client)
            let starter = EagerStarter(
                postgres: database.client,
                registry: registry,
                logger: Logger(label: "test", level: .error)
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await starter.run() }
                try await client.store.ensureQueue("default")
                let eager = try await withThrowingTaskGroup(of: EagerRun.self) { starts in
                    for input in 0..<50 {
                        starts.addTask { try await starter.start(Scripted<String>.self, input) }
                    }
                    return try await starts.reduce(into: []) { $0.append($1) }
                }
                for run in eager {
                    let held: Int? = try run.result(of: "hold")
                    #expect(held != nil)
                    #expect(try await client.store.job(run.id)?.state == .waiting)
                }
                starter.close()
                try await withWorker(database, registry) { _ in
                    for run in eager {
                        #expect(try await client.send(poked, "go", to: run.id) == .delivered)
                        _ = try await database.ended(run.id)
                        let held: Int = try #require(try run.result(of: "hold"))
                        #expect(try await client.result(of: run.id, Scripted<String>.self) == "\(held) go")
                    }
                }
            }
        }
    }

    @Test func `Cancelling ends a parked run at once and a running one at its next commit`() async throws {
        try await withDatabase { database in
            let gate = AsyncStream.makeStream(of: Void.self)
            let registry = registry { context, input in
                if input == 1 {
                    try await context.effect("slow") { _ in for await _ in gate.stream { break } }
                }
                return try await context.first(on(poked) { $0 })
            }
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let parked = try await client.start(Scripted<String>.self, 0)
                let busy = try await client.start(Scripted<String>.self, 1)
                try await database.reached(.waiting, parked)
                try await database.reached(.running, busy)
                #expect(try await client.cancel(parked))
                #expect(try await client.store.job(parked)?.state == .cancelled)
                #expect(try await client.cancel(busy))
                gate.continuation.yield()
                #expect(try await database.ended(busy).state == .cancelled)
                #expect(try await !client.cancel(parked))
            }
        }
    }

    @Test func `A graceful stop hands back what is not finished, uncounted`() async throws {
        try await withDatabase { database in
            let gate = AsyncStream.makeStream(of: Void.self)
            let registry = registry { context, _ in
                try await context.effect("slow") { _ in for await _ in gate.stream { break } }
                return 1
            }
            let client = WorkflowClient(postgres: database.client)
            let worker = JobWorker(
                postgres: database.client,
                registry: registry,
                configuration: WorkerConfiguration(queues: ["default"], drainDeadline: .zero),
                logger: Logger(label: "test", level: .error)
            )
            try await client.store.ensureQueue("default")
            let run = try await client.start(Scripted<Int>.self, 0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                try await database.reached(.running, run)
                worker.stop()
                try await database.reached(.ready, run)
                gate.continuation.finish()
                try await group.waitForAll()
            }
            let job = try #require(try await client.store.job(run))
            #expect(job.failures == 0)
            #expect(try await database.count("workers") == 0)
        }
    }
}
