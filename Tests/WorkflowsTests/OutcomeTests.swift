import Jobs
import Postgres
import Reactor
import Testing
import TestSupport
import Worker
import Workflows

/// What a job's code says of its errors, and what becomes of code that takes too long.
@Suite(.timeLimit(.minutes(5)))
struct OutcomeTests {
    private final class Moody: Job {
        static let name = "moody"
        static let retry = RetryPolicy.fixed(.seconds(3600), max: 3)
        struct Sulk: Error {}
        let goes = Lock<[JobID: Int]>([:])

        func perform(_ context: JobContext, _ mood: String) async throws {
            let go = goes.withLock { goes in
                goes[context.id, default: 0] += 1
                return goes[context.id, default: 0]
            }
            guard go == 1 else { return }
            switch mood {
            case "discard": throw JobVerdict.discard("no such customer")
            case "retry": throw JobVerdict.retry(after: .milliseconds(1), "busy")
            case "snooze": throw JobVerdict.snooze(for: .milliseconds(1))
            case "sulk": throw Sulk()
            default: throw DivisionByZero()
            }
        }

        func verdict(on error: any Error) -> JobVerdict? {
            error is Sulk ? .discard("sulking") : nil
        }
    }

    private struct DivisionByZero: Error {}

    @Test func `A job's code decides whether and when it is tried again`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var registry = WorkflowRegistry()
            registry.register(Moody())
            let discarded = try await desk.enqueue(Moody.self, "discard")
            let retried = try await desk.enqueue(Moody.self, "retry")
            let snoozed = try await desk.enqueue(Moody.self, "snooze")
            let sulked = try await desk.enqueue(Moody.self, "sulk")
            let thrown = try await desk.enqueue(Moody.self, "throw")
            try await withWorker(database, registry) { _ async throws in
                let discarded = try await database.ended(discarded)
                #expect(discarded.state == .failed)
                #expect(discarded.error == "no such customer")
                #expect(try await database.ended(retried).failures == 1)
                #expect(try await database.ended(snoozed).failures == 0)
                #expect(try await database.ended(sulked).error == "sulking")
                try await database.reached(.scheduled, thrown)
            }
            #expect(try await desk.kind(discarded) == .discarded)
            #expect(try await desk.kind(sulked) == .discarded)
            #expect(try await desk.kind(retried) == nil)
        }
    }

    @Test func `Retry policies give the delays they were asked for`() {
        let exponential = RetryPolicy.exponential(
            max: 9,
            base: .seconds(1),
            maxDelay: .seconds(5),
            jitter: 0.5
        )
        #expect(
            (1...4).map { exponential.delay(afterFailures: $0, random: 0) } == [
                .seconds(1), .seconds(2), .seconds(4), .seconds(5),
            ]
        )
        #expect(exponential.delay(afterFailures: 2, random: 1) == .seconds(1))
        let fixed = RetryPolicy.fixed(.seconds(7), max: 3)
        #expect((1...3).map { fixed.delay(afterFailures: $0) } == [.seconds(7), .seconds(7), nil])
        let custom = RetryPolicy.custom(max: 4) { .seconds($0 * $0 - 1) }
        #expect((1...4).map { custom.delay(afterFailures: $0) } == [.zero, .seconds(3), .seconds(8), nil])
        #expect(RetryPolicy.custom(max: 2) { _ in .seconds(-4) }.delay(afterFailures: 1) == .zero)
    }

    private struct Slow: Job {
        static let name = "slow"
        static let timeout: Duration? = .milliseconds(20)
        static let retry = RetryPolicy.never

        func perform(_ context: JobContext, _ input: Int) async throws {
            try await Task.sleep(for: .seconds(3600))
        }
    }

    @Test func `A job that takes longer than its timeout fails and says so`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var registry = WorkflowRegistry()
            registry.register(Slow())
            let id = try await desk.enqueue(Slow.self, 1)
            let ended = try await withWorker(database, registry) { _ in try await database.ended(id) }
            #expect(ended.state == .failed)
            #expect(ended.failures == 1)
            #expect(ended.error?.contains("timeout of 0.02 seconds") == true)
            #expect(try await desk.kind(id) == .timedOut)
        }
    }

    private struct Deaf: Job {
        static let name = "deaf"
        static let timeout: Duration? = .milliseconds(10)
        static let grace = Duration.milliseconds(10)
        static let retry = RetryPolicy.never
        let gate: Gate
        let left: Gate

        func perform(_ context: JobContext, _ input: Int) async throws {
            await gate.pass()
            left.open()
        }
    }

    @Test func `Code that ignores its cancellation is given up, and its late result changes nothing`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let deaf = Deaf(gate: Gate(), left: Gate())
            var registry = WorkflowRegistry()
            registry.register(deaf)
            let id = try await desk.enqueue(Deaf.self, 1)
            try await withWorker(database, registry) { worker async throws in
                #expect(try await database.ended(id).state == .failed)
                _ = try await database.eventually("the worker lets go of it") {
                    worker.running == 0 ? true : nil
                }
                deaf.gate.open()
                await deaf.left.pass()
            }
            let after = try await desk.store.job(id)
            #expect(after?.state == .failed)
            #expect(after?.failures == 1)
            #expect(try await database.count("dead_letters") == 1)
            #expect(try await database.count("closures") == 0)
        }
    }
}
