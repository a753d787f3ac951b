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

    func perform(_ context: JobContext, _ input: Card) async throws -> String { "captured \(input.number)" }
}

private struct Look: CohortStep {
    static let name = "look"
    let number: String

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [String] {
        batch.map { "looked at \($0.step.number)" }
    }
}

/// Says the card's number in every way there is, and continues as new once.
private struct Purchase: Workflow {
    static let name = "purchase"
    static let code = EventKey<String>("code")
    static let limit = UpdateKey<String, String>("limit")

    func run(_ context: WorkflowContext, _ input: Card) async throws -> String {
        guard input.round < 2 else { return "child \(input.number)" }
        if input.round == 0 { try context.continueAsNew(Card(number: input.number, round: 1)) }
        let noted = try await context.step("note") { _ in "noted \(input.number)" }
        let looked = try await context.step(Look(number: input.number))
        let charged = try await context.effect("charge") { _ in "charged \(input.number)" }
        let child = try await context.child(Purchase.self, Card(number: input.number, round: 2))
        try await context.start(Purchase.self, Card(number: input.number, round: 2))
        try context.publish("state", "shown \(input.number)")
        let asked = try await context.receive(Self.limit) { "limit of \($0)" }
        let code = try await context.first(on(Self.code) { $0 })
        return [noted, looked, charged, child, asked, code].joined(separator: ", ")
    }
}

/// Payloads are changed by codecs from where they are said to where they are heard.
@Suite(.timeLimit(.minutes(2)))
struct EncryptedWorkTests {
    private static let every = """
        noted 4111, looked at 4111, charged 4111, child 4111, for 4111, code 4111
        """

    /// The rows of each table that show the card's number.
    private func leaks(_ database: TestDatabase) async throws -> [String: Int64] {
        var leaks: [String: Int64] = [:]
        for (table, column) in [
            ("jobs", "input"), ("jobs", "output"), ("checkpoints", "value"), ("events", "payload"),
            ("run_values", "value"),
        ] {
            leaks["\(table).\(column)"] = try await database.client.query(
                Query(
                    "t",
                    """
                    SELECT count(*) FROM \(identifier: table)
                    WHERE \(identifier: column)::text LIKE '%4111%'
                    """
                )
            )[0][0]
        }
        return leaks.filter { $0.value > 0 }
    }

    private func play(_ database: TestDatabase, _ codec: any PayloadCodec) async throws {
        var registry = WorkflowRegistry(codec: codec)
        registry.register(Capture())
        registry.register(Purchase())
        let client = WorkflowClient(postgres: database.client, codec: codec)
        try await client.store.ensureQueue("default")
        try await withWorker(database, registry) { _ in
            let job = try await client.store.enqueue([
                NewJob(name: "capture", input: JSONB(text: #"{"number":"4111","round":0}"#))
            ])[0]
            let run = try await client.start(Purchase.self, Card(number: "4111", round: 0))
            #expect(
                try await client.update(Purchase.limit, "for 4111", of: run) == "limit of for 4111"
            )
            try await database.reached(.waiting, run)
            #expect(try await client.send(Purchase.code, "code 4111", to: run) == .delivered)
            let over = try await database.ended(run)
            #expect(over.error == nil)
            #expect(try await client.result(of: run, Purchase.self) == Self.every)
            let ended = try await database.ended(job)
            #expect(try client.store.output(of: ended)?.text == #""captured 4111""#)
        }
    }

    @Test func `Code gets what was said, and no row ever has it in plain`() async throws {
        try await withDatabase { database in
            try await play(database, EncryptedPayloads(keys: ["a": [UInt8](0..<32)], current: "a"))
            #expect(try await leaks(database) == [:])
            #expect(try await database.count("run_values") > 0)
        }
    }

    @Test func `A fork opens what it was given of its origin`() async throws {
        let go = EventKey<String>("go")
        try await withDatabase { database in
            let codec = try EncryptedPayloads(keys: ["a": [UInt8](0..<32)], current: "a")
            var registry = WorkflowRegistry(codec: codec)
            registry.register(
                Scripted<String> { context, _ in
                    let card = try await context.step("card") { _ in "4111" }
                    try context.publish("state", card)
                    let word = try await context.first(on(go) { $0 })
                    return try await context.step("end") { _ in "\(card) \(word)" }
                }
            )
            let client = WorkflowClient(postgres: database.client, codec: codec)
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Scripted<String>.self, 1)
                try await database.reached(.waiting, run)
                _ = try await client.send(go, "4111 went", to: run)
                #expect(try await database.ended(run).state == .done)
                let fork = try await client.fork(run, from: "end")
                let ended = try await database.ended(fork)
                #expect(ended.state == .done, "\(ended.error ?? "")")
                #expect(try await client.result(of: fork, Scripted<String>.self) == "4111 4111 went")
                #expect(try await client.value(of: fork, named: "state", as: String.self) == "4111")
            }
            #expect(try await leaks(database) == [:])
        }
    }

    @Test func `Without a codec the same rows do show it`() async throws {
        try await withDatabase { database in
            try await play(database, ChainedCodec([]))
            #expect(try await leaks(database).count == 5)
        }
    }

    @Test func `Codecs are chained, and undone from the last to the first`() async throws {
        try await withDatabase { database in
            let encryption = try EncryptedPayloads(keys: ["a": [UInt8](0..<32)], current: "a")
            try await play(database, ChainedCodec([Shortened(), encryption]))
            #expect(try await leaks(database) == [:])
        }
        let subject = PayloadSubject.input(of: "j")
        let document = JSONB(text: "\"" + String(repeating: "x", count: 5000) + "\"")
        let chain = ChainedCodec([Shortened()])
        let stored = try chain.encode(document, of: subject)
        #expect(stored.bytes.count < 100)
        #expect(try chain.decode(stored, of: subject) == document)
    }

    @Test func `Runs from before there was a key, and under an old one, go on under the new`() async throws {
        try await withDatabase { database in
            let old = [UInt8](repeating: 7, count: 32)
            let first = try EncryptedPayloads(keys: ["a": old], current: "a")
            let second = try EncryptedPayloads(keys: ["a": old, "b": [UInt8](0..<32)], current: "b")
            var runs: [JobID] = []
            for codec in [nil, first] as [(any PayloadCodec)?] {
                var registry = WorkflowRegistry(codec: codec)
                registry.register(Purchase())
                let client = WorkflowClient(postgres: database.client, codec: codec)
                try await withWorker(database, registry) { _ in
                    let run = try await client.start(Purchase.self, Card(number: "4111", round: 1))
                    runs.append(run)
                    _ = try await client.update(Purchase.limit, "for 4111", of: run)
                    try await database.reached(.waiting, run)
                }
            }
            var registry = WorkflowRegistry(codec: second)
            registry.register(Purchase())
            let client = WorkflowClient(postgres: database.client, codec: second)
            try await withWorker(database, registry) { _ in
                for run in runs {
                    #expect(try await client.send(Purchase.code, "code 4111", to: run) == .delivered)
                    let over = try await database.ended(run)
                    #expect(over.error == nil)
                    #expect(try await client.result(of: run, Purchase.self) == Self.every)
                }
            }
        }
    }

    @Test func `A run whose key is missing is paused, and not failed`() async throws {
        try await withDatabase { database in
            let codec = try EncryptedPayloads(keys: ["a": [UInt8](0..<32)], current: "a")
            let stranger = try EncryptedPayloads(keys: ["b": [UInt8](1..<33)], current: "b")
            var registry = WorkflowRegistry(codec: codec)
            registry.register(Purchase())
            let client = WorkflowClient(postgres: database.client, codec: codec)
            try await client.store.ensureQueue("default")
            try await withWorker(database, registry) { _ in
                let run = try await client.start(Purchase.self, Card(number: "4111", round: 1))
                _ = try await client.update(Purchase.limit, "for 4111", of: run)
                try await database.reached(.waiting, run)
                let other = WorkflowClient(postgres: database.client, codec: stranger)
                #expect(try await other.send(Purchase.code, "code 4111", to: run) == .delivered)
                let message = try await database.eventually("run \(run) is paused") {
                    try await database.client.query(
                        Query("t", "SELECT error FROM jobs WHERE id = \(run.rawValue) AND paused")
                    ).first.map { try $0[0] as String? } ?? nil
                }
                #expect(message.contains("encrypted under key b"))
            }
        }
    }
}

/// A codec that needs no library: it names a character once that is repeated.
private struct Shortened: PayloadCodec {
    private struct Packed: Codable {
        var packed: [Run]
    }

    private struct Run: Codable {
        var byte: UInt8
        var count: Int
    }

    func encode(_ payload: JSONB, of subject: PayloadSubject) throws -> JSONB {
        var runs: [Run] = []
        for byte in payload.bytes {
            if runs.last?.byte == byte {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(Run(byte: byte, count: 1))
            }
        }
        return try JSONCoding.encode(Packed(packed: runs))
    }

    func decode(_ stored: JSONB, of subject: PayloadSubject) throws -> JSONB {
        guard stored.text.hasPrefix(#"{"packed":"#) else { return stored }
        let packed = try JSONCoding.decode(Packed.self, from: stored, what: "packed payload")
        return JSONB(bytes: packed.packed.flatMap { [UInt8](repeating: $0.byte, count: $0.count) })
    }
}
