import Jobs
import Postgres
import Reactor
import Telemetry
import Testing
import TestSupport
import Worker
import Workflows

/// Takes no longer than it may.
private struct Bounded: Workflow {
    static var name: String { "bounded" }
    static var timeout: Duration? { .milliseconds(300) }
    let body: @Sendable (WorkflowContext) async throws -> Void
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await body(context)
        return input
    }
}

/// Cleans up when it is cancelled.
private struct Tidy: Workflow {
    static var name: String { "tidy" }
    static var cleansUp: Bool { true }
    let body: @Sendable (WorkflowContext) async throws -> Void
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await body(context)
        return input
    }
}

private struct Broken: Error {}

@Suite(.timeLimit(.minutes(5)))
struct UnwindTests {
    private static let never = EventKey<Int>("never")

    /// A step that writes its name down.
    private static func write(_ name: String, _ context: WorkflowContext) async throws {
        try await context.step(name) { tx in
            try await tx.execute(Query("t_log", "INSERT INTO log (name) VALUES (\(name))"))
        }
    }

    private func log(_ database: TestDatabase) async throws -> [String] {
        try await database.client.query(Query("t_read", "SELECT name FROM log ORDER BY at")).map { try $0[0] }
    }

    private func withLog(_ body: @Sendable (TestDatabase) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE log (at bigserial, name text NOT NULL)")
            try await body(database)
        }
    }

    @Test func `What a failed run did is undone, the last first, and only once it has failed for good`()
        async throws
    {
        try await withLog { database in
            let goes = Lock(0)
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, _ in
                    try await Self.write("flight", context)
                    context.compensate("flight") { try await Self.write("flight back", $0) }
                    try await Self.write("hotel", context)
                    context.compensate("hotel") { try await Self.write("hotel back", $0) }
                    try await context.effect("pay", retry: .never) { _ in
                        goes.withLock { $0 += 1 }
                        throw Broken()
                    }
                    context.compensate("pay") { try await Self.write("never", $0) }
                    return 1
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 1)
                let job = try await database.ended(run)
                #expect(job.state == .failed)
                #expect(job.error?.contains("Broken") == true)
            }
            #expect(try await log(database) == ["flight", "hotel", "hotel back", "flight back"])
            // Three attempts, as the workflow's policy says.
            #expect(goes.withLock { $0 } == 3)
        }
    }

    @Test func `Undoing goes on after a crash where it was, even if what failed would go well now`()
        async throws
    {
        try await withLog { database in
            let isBroken = Lock(true)
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, _ in
                    try await Self.write("one", context)
                    context.compensate("one") { undo in
                        try await Self.write("undo begins", undo)
                        try await undo.first(on(Self.never) { $0 })
                        try await Self.write("undo ends", undo)
                    }
                    if isBroken.withLock({ $0 }) { throw JobVerdict.discard("no good") }
                    try await Self.write("two", context)
                    return 1
                }
            )
            let client = WorkflowClient(postgres: database.client)
            let run = try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 1)
                try await database.reached(.waiting, run)
                return run
            }
            isBroken.withLock { $0 = false }
            _ = try await client.send(Self.never, 1, to: run)
            try await withWorker(database, registry) { _ in
                let job = try await database.ended(run)
                #expect(job.state == .failed)
                #expect(job.error?.contains("no good") == true)
            }
            #expect(try await log(database).suffix(2) == ["undo begins", "undo ends"])
        }
    }

    @Test func `A compensation that fails is tried again, and its run fails with both reasons`() async throws
    {
        try await withLog { database in
            let tries = Lock(0)
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, _ in
                    context.compensate("lamp") { undo in
                        try await undo.step("put out") { _ in
                            tries.withLock { $0 += 1 }
                            throw Broken()
                        }
                    }
                    throw JobVerdict.discard("it is dark")
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 1)
                let job = try await database.ended(run)
                #expect(job.state == .failed)
                #expect(job.error?.contains("compensation lamp failed: Broken()") == true)
                #expect(job.error?.contains("it is dark") == true)
            }
            #expect(tries.withLock { $0 } >= 3)
        }
    }

    @Test func `A parked run that is cancelled cleans up in its catch, undoes, and ends cancelled`()
        async throws
    {
        try await withLog { database in
            var registry = WorkflowRegistry()
            registry.register(
                Tidy { context in
                    try await Self.write("open", context)
                    context.compensate("door") { try await Self.write("shut", $0) }
                    do {
                        try await context.first(on(Self.never) { $0 })
                    } catch let cancelled as WorkflowCancelled {
                        #expect(!cancelled.isTimeout)
                        // What is asked for after it works as always, waits included.
                        try await Self.write("lights out", context)
                        try await context.sleep(for: .milliseconds(5))
                        throw cancelled
                    }
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Tidy.self, 1)
                try await database.reached(.waiting, run)
                let answer = try await client.store.cancel([run])
                #expect(answer.asked == [run])
                let job = try await database.ended(run)
                #expect(job.state == .cancelled)
            }
            #expect(try await log(database) == ["open", "lights out", "shut"])
        }
    }

    @Test func `A run with nothing to clean up ends at once when it is cancelled`() async throws {
        try await withLog { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<Int> { context, _ in
                    try await context.first(on(Self.never) { $0 })
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<Int>.self, 1)
                try await database.reached(.waiting, run)
                #expect(try await client.store.cancel([run]).cancelled == [run])
            }
        }
    }

    @Test func `Cancelling cuts an effect short, and the code hears of it`() async throws {
        try await withLog { database in
            let began = Lock(false)
            let wasCut = Lock(false)
            var registry = WorkflowRegistry()
            registry.register(
                Tidy { context in
                    do {
                        try await context.effect("long") { _ in
                            began.withLock { $0 = true }
                            do {
                                try await Task.sleep(for: .seconds(600))
                            } catch {
                                wasCut.withLock { $0 = true }
                                throw error
                            }
                        }
                    } catch let cancelled as WorkflowCancelled {
                        try await Self.write("heard", context)
                        throw cancelled
                    }
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Tidy.self, 1)
                _ = try await database.eventually("the effect begins") { began.withLock { $0 } ? true : nil }
                #expect(try await client.store.cancel([run]).asked == [run])
                #expect(try await database.ended(run).state == .cancelled)
                _ = try await database.eventually("the effect is cut") { wasCut.withLock { $0 } ? true : nil }
            }
            #expect(try await log(database) == ["heard"])
        }
    }

    @Test func `Clean-up that takes longer than the deadline is cut off`() async throws {
        try await withLog { database in
            var registry = WorkflowRegistry()
            registry.register(
                Tidy { context in
                    do {
                        try await context.first(on(Self.never) { $0 })
                    } catch {
                        try await Self.write("begun", context)
                        try await context.first(on(Self.never) { $0 })
                        try await Self.write("too late", context)
                    }
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Tidy.self, 1)
                try await database.reached(.waiting, run)
                _ = try await client.store.cancel([run], deadline: .seconds(3600))
                _ = try await database.eventually("clean-up begins") {
                    try await log(database).isEmpty ? nil : true
                }
                try await database.shiftClock(3601)
                #expect(try await database.ended(run).state == .cancelled)
            }
            #expect(try await log(database) == ["begun"])
        }
    }

    @Test func `A run that takes too long is told, undone, and fails`() async throws {
        try await withLog { database in
            var registry = WorkflowRegistry()
            registry.register(
                Bounded { context in
                    context.compensate("it") { try await Self.write("undone", $0) }
                    do {
                        try await context.first(on(Self.never) { $0 })
                    } catch let cancelled as WorkflowCancelled {
                        #expect(cancelled.isTimeout)
                        throw cancelled
                    }
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Bounded.self, 1)
                let job = try await database.ended(run)
                #expect(job.state == .failed)
                #expect(job.error == "the run took longer than it may (0.3 s)")
            }
            #expect(try await log(database) == ["undone"])
            let letters = try await JobStore(postgres: database.client).deadLetters()
            #expect(letters.map(\.kind) == [.timedOut])
        }
    }

    @Test func `A statement of a step that takes too long fails the step, and the code goes on`() async throws
    {
        try await withLog { database in
            var registry = WorkflowRegistry()
            registry.register(
                Scripted<String> { context, _ in
                    do {
                        try await context.step("slow", timeout: .milliseconds(50)) { tx in
                            _ = try await tx.query(Query("t_slow", "SELECT pg_sleep(60)"))
                        }
                        return "slept"
                    } catch let error as WorkflowError {
                        try await Self.write("went on", context)
                        return error.message
                    }
                }
            )
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 1)
                #expect(try await database.ended(run).state == .done)
                let message = try await client.result(of: run, Scripted<String>.self)
                #expect(message == "a statement of step slow took longer than 0.05 s")
            }
            #expect(try await log(database) == ["went on"])
        }
    }
}
