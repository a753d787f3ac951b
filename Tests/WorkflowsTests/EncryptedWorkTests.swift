import Jobs
import Postgres
import Reactor
import Testing
import TestSupport
import Workflows

private struct Card: Codable, Sendable {
    let number: String
    let round: Int
}

private struct Capture: Job {
    static let name = "capture"
    let seen: @Sendable (String) -> Void

    func perform(_ context: JobContext, _ input: Card) async throws { seen(input.number) }
}

/// Starts a child with the card, continues as new once, and tells the card.
private struct Purchase: Workflow {
    static let name = "purchase"

    func run(_ context: WorkflowContext, _ input: Card) async throws -> Int {
        guard input.round < 2 else { return input.number.count }
        try await context.start(Purchase.self, Card(number: input.number, round: 2))
        try context.continueAsNew(Card(number: input.number, round: 2))
    }
}

/// Inputs that are encrypted from the enqueue until the code is called.
@Suite(.timeLimit(.minutes(2)))
struct EncryptedWorkTests {
    @Test func `Code gets what was enqueued, and no row ever has it in plain`() async throws {
        try await withDatabase { database in
            let codec = try EncryptedInputs(keys: ["a": [UInt8](0..<32)], current: "a")
            let seen = Lock<[String]>([])
            var registry = WorkflowRegistry(codec: codec)
            registry.register(Capture { number in seen.withLock { $0.append(number) } })
            registry.register(Purchase())
            let client = WorkflowClient(postgres: database.client, codec: codec)
            try await client.store.ensureQueue("default")
            try await withWorker(database, registry) { _ in
                let job = try await client.store.enqueue([
                    NewJob(name: "capture", input: JSONB(text: #"{"number":"4111","round":0}"#))
                ])[0]
                let run = try await client.start(Purchase.self, Card(number: "4111", round: 0))
                #expect(try await database.ended(job).state == .done)
                #expect(try await database.ended(run).output?.text == "4")
                let child: Int64 = try await database.client.query(
                    Query("t", "SELECT max(id) FROM jobs WHERE name = 'purchase'")
                )[0][0]
                #expect(child > run.rawValue)
                #expect(try await database.ended(JobID(rawValue: child)).output?.text == "4")
            }
            #expect(seen.withLock { $0 } == ["4111"])
            let plain: Int64 = try await database.client.query(
                Query("t", "SELECT count(*) FROM jobs WHERE input::text LIKE '%4111%'")
            )[0][0]
            #expect(plain == 0)
        }
    }
}
