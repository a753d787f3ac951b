import Jobs
import Postgres
import Testing
import TestSupport
import Workflows

private let large = String(repeating: "x", count: 2000)

private struct Talker: Workflow {
    static let name = "talker"
    static let word = EventKey<String>("word")

    func run(_ context: WorkflowContext, _ way: String) async throws -> String {
        switch way {
        case "step":
            try await context.step("say") { tx in
                try await tx.execute(Query("t", "INSERT INTO said VALUES ('step')"))
                return large
            }
        case "cohort": try await context.step(Say())
        case "effect": try await context.effect("say") { _ in large }
        case "child": _ = try await context.child(Talker.self, large)
        case "start": try await context.start(Talker.self, large)
        case "again": try context.continueAsNew(large)
        case "publish": try context.publish("say", large)
        case "output": return large
        case "caught":
            do {
                try await context.effect("say") { _ in large }
            } catch let error as PayloadTooLarge {
                return "\(error.bytes) of \(error.limit)"
            }
        default: break
        }
        return "ok"
    }
}

private struct Say: CohortStep {
    static let name = "say"

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [String] {
        try await transaction.execute(Query("t", "INSERT INTO said VALUES ('cohort')"))
        return batch.map { _ in large }
    }
}

private struct Shout: Job {
    static let name = "shout"

    func perform(_ context: JobContext, _ input: Int) async throws -> String { large }
}

private struct Stepper: Workflow {
    static let name = "stepper"

    func run(_ context: WorkflowContext, _ steps: Int) async throws -> Int {
        context.compensate("all") { context in
            try await context.step("undo") { tx in
                try await tx.execute(Query("t", "INSERT INTO said VALUES ('undone')"))
            }
        }
        for _ in 0..<min(steps, 5) { try await context.step("count") { _ in 1 } }
        if steps > 5 { try context.continueAsNew(steps - 5) }
        return steps
    }
}

/// What is too large, or too long, is told in words that help, once.
@Suite(.timeLimit(.minutes(2)))
struct PayloadLimitTests {
    @Test(arguments: ["step", "cohort", "effect", "child", "start", "again", "publish", "output"])
    func `What a run says too loud ends it at once, with the place and the sizes`(way: String) async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE said (what text)")
            var registry = WorkflowRegistry(limits: WorkflowLimits(payloadBytes: 1000))
            registry.register(Talker())
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Talker.self, way)
                let ended = try await database.ended(run)
                #expect(ended.state == .failed)
                let error = try #require(ended.error)
                #expect(error.contains("has 2002 bytes, and the limit is 1000"))
                #expect(error.contains(way == "publish" ? "value say of run \(run)" : "talker"))
                #expect(ended.failures == 0)
                #expect(try await database.count("said") == 0)
                #expect(try await database.count("jobs") == 1)
                if ["step", "effect", "cohort"].contains(way) {
                    #expect(error.contains("checkpoint say of \(run) (talker)"))
                }
            }
        }
    }

    @Test func `Code may catch it, and jobs and clients hear of it`() async throws {
        try await withDatabase { database in
            var registry = WorkflowRegistry(limits: WorkflowLimits(payloadBytes: 1000))
            registry.register(Talker())
            registry.register(Shout())
            let client = WorkflowClient(
                postgres: database.client,
                limits: WorkflowLimits(payloadBytes: 1000)
            )
            try await client.store.ensureQueue("default")
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Talker.self, "caught")
                #expect(try await database.ended(run).output?.text == "\"2002 of 1000\"")
                await #expect(throws: PayloadTooLarge.self) {
                    try await client.send(Talker.word, large, to: run)
                }
                await #expect(throws: PayloadTooLarge.self) { try await client.start(Talker.self, large) }
                let job = try await client.store.enqueue([NewJob(Shout.self, 1)])[0]
                let ended = try await database.ended(job)
                #expect(ended.state == .failed)
                #expect(ended.error?.contains("output of \(job) (shout) has 2002 bytes") == true)
            }
        }
    }

    @Test func `A history has an end, before which a run continues as new`() async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE said (what text)")
            var registry = WorkflowRegistry(limits: WorkflowLimits(historyLength: 5))
            registry.register(Stepper())
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let long = try await client.start(Stepper.self, 23)
                #expect(try await database.ended(long).output?.text == "3")
            }
            registry = WorkflowRegistry(limits: WorkflowLimits(historyLength: 4))
            registry.register(Stepper())
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Stepper.self, 5)
                let ended = try await database.ended(run)
                #expect(
                    ended.error == """
                        run \(run) (stepper) asks for "count#5" and has 4 checkpoints already, the limit: have it \
                        continue as new (context.continueAsNew), or raise the limit
                        """
                )
                #expect(ended.failures == 0)
                #expect(try await database.count("said") == 1)
            }
        }
    }
}
