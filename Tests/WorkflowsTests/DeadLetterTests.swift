import Jobs
import Postgres
import Reactor
import Testing
import TestSupport
import Workflows

/// Jobs that failed for good, that nobody can read, or that nobody knows: kept, found, and done after all.
@Suite(.timeLimit(.minutes(5)))
struct DeadLetterTests {
    /// As it was enqueued by an old version.
    private struct GreetV1: Job {
        static let name = "greet"
        func perform(_ context: JobContext, _ name: String) async throws -> String { name }
    }

    private struct GreetV2: Job {
        static let name = "greet"
        static let version = 2
        struct Input: Codable { var name: String }
        static func upgrade(_ json: JSONB, from version: Int) throws -> JSONB {
            JSONB(text: "{\"name\": \(json.text), \"title\": \"none\"}")
        }
        func perform(_ context: JobContext, _ input: Input) async throws -> String { "v2 \(input.name)" }
    }

    private struct GreetV3: Job {
        static let name = "greet"
        static let version = 3
        struct Input: Codable { var first: String }
        static func upgrade(_ json: JSONB, from version: Int) throws -> JSONB {
            version == 1
                ? JSONB(text: "{\"first\": \(json.text)}")
                : JSONB(text: json.text.replacing("\"name\"", with: "\"first\""))
        }
        func perform(_ context: JobContext, _ input: Input) async throws -> String { "v3 \(input.first)" }
    }

    @Test func `Old inputs decode with a new type, and a worker that is too old parks what it can't read`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let old = try await desk.enqueue(GreetV1.self, "Ada")
            let newer = try await desk.enqueue(GreetV2.self, GreetV2.Input(name: "Bob"))
            var registry = WorkflowRegistry()
            registry.register(GreetV1())
            try await withWorker(database, registry) { _ async throws in
                #expect(try await database.ended(old).output?.text == "\"Ada\"")
                let parked = try await database.ended(newer)
                #expect(parked.failures == 0)
                #expect(parked.error?.contains("version 2, this worker knows up to 1") == true)
            }
            #expect(try await desk.kind(newer) == .unreadable)
            let oldest = try await desk.enqueue(GreetV1.self, "Eve")
            registry.register(GreetV3())
            #expect(try await desk.store.redrive(DeadLetterFilter(kind: .unreadable)) == 1)
            try await withWorker(database, registry) { _ async throws in
                #expect(try await database.ended(newer).output?.text == "\"v3 Bob\"")
                #expect(try await database.ended(oldest).output?.text == "\"v3 Eve\"")
            }
        }
    }

    @Test func `An input is stored bare in its first version, and with its version later`() throws {
        #expect(try NewJob(GreetV1.self, "Ada").input.text == "\"Ada\"")
        let stored = try NewJob(GreetV2.self, GreetV2.Input(name: "Bob")).input
        #expect(stored.text == "{\"$input\": {\"name\":\"Bob\"}, \"$version\": 2}")
        #expect(VersionedInput(stored: stored).version == 2)
        #expect(VersionedInput(stored: stored).json.text == "{\"name\":\"Bob\"}")
        for text in ["{\"$input\": 1}", "{}", "{\"$input\": 1, \"$version\": }", "7"] {
            #expect(VersionedInput(stored: JSONB(text: text)).json.text == text)
        }
    }

    @Test func `A name that nobody knows is left to others, then parked`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let plain = try await desk.enqueue(GreetV1.self, "Ada")
            let run = try await desk.store.enqueue([
                .run(name: "who", queue: "default", input: JSONB(text: "1"))
            ])[0]
            try await withWorker(database, WorkflowRegistry()) { _ async throws in
                try await database.reached(.scheduled, plain)
                try await database.reached(.scheduled, run)
            }
            #expect(try await desk.store.job(plain)?.failures == 0)
            #expect(try await desk.store.job(run)?.failures == 0)
            try await database.shiftClock(6)
            try await withWorker(database, WorkflowRegistry(unknownGrace: .zero)) { _ async throws in
                #expect(try await database.ended(plain).failures == 0)
                #expect(try await database.ended(run).state == .failed)
            }
            #expect(try await desk.kind(plain) == .unknown)
            #expect(try await desk.kind(run) == .unknown)
            var registry = WorkflowRegistry()
            registry.register(GreetV1())
            #expect(try await desk.store.redrive(plain))
            try await withWorker(database, registry) { _ async throws in
                #expect(try await database.ended(plain).state == .done)
            }
        }
    }

    @Test func `Dead letters are found by what they are, page by page`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            try await desk.store.ensureQueue("other", lanes: 1)
            let ids = try await desk.store.enqueue(
                (0..<6).map { NewJob(name: $0 < 3 ? "a" : "b", input: JSONB(text: "\($0)")) }
            )
            let claimed = try await desk.claim()
            _ = try await database.client.query(
                JobStatements.settle(
                    claimed.map {
                        JobEnd(
                            batch: $0.batch,
                            id: $0.id,
                            next: .failed(
                                failures: 4,
                                error: "broken",
                                kind: $0.id < ids[1] ? .discarded : .failed
                            )
                        )
                    }
                )
            )
            let first = try await desk.store.deadLetters(limit: 4)
            #expect(first.map(\.id) == Array(ids.reversed()[..<4]))
            #expect(first[0].reason == "broken" && first[0].failures == 4 && first[0].queue == "default")
            #expect(
                try await desk.store.deadLetters(olderThan: first[3].id, limit: 4).map(\.id) == [
                    ids[1], ids[0],
                ]
            )
            #expect(try await desk.store.deadLetters(DeadLetterFilter(name: "b")).count == 3)
            #expect(try await desk.store.deadLetters(DeadLetterFilter(queue: "other")).isEmpty)
            #expect(
                try await desk.store.deadLetters(DeadLetterFilter(kind: .discarded)).map(\.id) == [ids[0]]
            )
            #expect(try await desk.store.deadLetters(DeadLetterFilter(before: first[0].failedAt)).isEmpty)
            #expect(try await desk.store.deadLetters(DeadLetterFilter(since: first[0].failedAt)).count == 6)
        }
    }

    @Test func `One, some or all dead letters are done after all, with no failure counted`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            let ids = try await desk.store.enqueue(
                (0..<9).map { NewJob(name: $0 < 3 ? "a" : "b", input: JSONB(text: "\($0)")) }
            )
            let claimed = try await desk.claim()
            _ = try await database.client.query(
                JobStatements.settle(
                    claimed.map {
                        JobEnd(batch: $0.batch, id: $0.id, next: .failed(failures: 4, error: "no"))
                    }
                )
            )
            #expect(try await desk.store.redrive(ids[0]))
            #expect(try await desk.store.redrive(ids[0]) == false)
            #expect(try await desk.store.redrive(DeadLetterFilter(name: "a")) == 2)
            #expect(try await desk.store.redrive(.all, batch: 4) == 6)
            #expect(try await database.count("dead_letters") == 0)
            let again = try await desk.claim()
            #expect(Set(again.map(\.id)) == Set(ids))
            #expect(again.allSatisfy { $0.failures == 0 })
            #expect(try await desk.store.job(ids[4])?.error == nil)
        }
    }

    private final class Fragile: Workflow {
        static let name = "fragile"
        static let retry = RetryPolicy.never
        let isFixed: Bool
        let firsts: Lock<Int>

        func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
            try await context.step("first") { _ in self.firsts.withLock { $0 += 1 } }
            return try await context.effect("second", retry: .never) { _ in
                if !self.isFixed { throw JobVerdict.discard("the provider is gone") }
                return 2
            }
        }

        init(isFixed: Bool) {
            self.isFixed = isFixed
            firsts = Lock(0)
        }
    }

    @Test func `A redriven run goes on from its checkpoints and tries the failed effect again`() async throws
    {
        try await withDatabase { database in
            let client = WorkflowClient(postgres: database.client)
            var registry = WorkflowRegistry()
            registry.register(Fragile(isFixed: false))
            let run = try await client.start(Fragile.self, 1)
            try await withWorker(database, registry) { _ async throws in
                #expect(try await database.ended(run).state == .failed)
            }
            let fixed = Fragile(isFixed: true)
            registry.register(fixed)
            #expect(try await client.store.redrive(run))
            try await withWorker(database, registry) { _ async throws in
                #expect(try await database.ended(run).output?.text == "2")
            }
            #expect(fixed.firsts.withLock { $0 } == 0)
        }
    }
}
