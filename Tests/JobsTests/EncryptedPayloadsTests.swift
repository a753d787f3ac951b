import Jobs
import Postgres
import Testing
import TestSupport

/// Inputs that the tables hold encrypted.
@Suite(.timeLimit(.minutes(5)))
struct EncryptedPayloadsTests {
    private let old = [UInt8](repeating: 7, count: 32)
    private let new = [UInt8](0..<32)
    private let secret = JSONB(text: #"{"card":"4111 1111"}"#)

    private func problem(_ body: () throws -> JSONB) -> JobsError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? JobsError
        }
    }

    @Test func `What is encrypted opens again, under old keys too, and as what it was only`() throws {
        let before = try EncryptedPayloads(keys: ["a": old], current: "a")
        let after = try EncryptedPayloads(keys: ["a": old, "b": new], current: "b")
        let stored = try before.encode(secret, of: .input(of: "pay"))
        #expect(!stored.text.contains("4111"))
        #expect(try before.encode(secret, of: .input(of: "pay")) != stored, "the nonce was used twice")
        #expect(try after.decode(stored, of: .input(of: "pay")) == secret)
        #expect(
            try after.decode(after.encode(secret, of: .input(of: "pay")), of: .input(of: "pay")) == secret
        )
        #expect(try after.decode(secret, of: .input(of: "pay")) == secret)
        for length in [1, 2, 15, 16, 17, 5000] {
            let text = JSONB(text: "\"" + String(repeating: "x", count: length) + "\"")
            #expect(
                try after.decode(after.encode(text, of: .input(of: "pay")), of: .input(of: "pay")) == text
            )
        }

        let unknown = problem {
            try before.decode(after.encode(secret, of: .input(of: "pay")), of: .input(of: "pay"))
        }
        #expect(unknown?.code == .undecodable)
        #expect(unknown?.message.contains("key b") == true)
        #expect(problem { try after.decode(stored, of: .input(of: "refund")) }?.code == .undecodable)
        let forged = try EncryptedPayloads(keys: ["a": new], current: "a")
        #expect(problem { try forged.decode(stored, of: .input(of: "pay")) }?.code == .undecodable)
        var bytes = stored.text
        bytes.replace("\"data\":\"", with: "\"data\":\"AAAA")
        #expect(problem { try after.decode(JSONB(text: bytes), of: .input(of: "pay")) }?.code == .undecodable)
    }

    @Test func `Keys that can't be are refused by name`() {
        #expect(throws: JobsError(code: .invalidKey, message: "key a has 3 bytes; AES-256 takes 32")) {
            try EncryptedPayloads(keys: ["a": [1, 2, 3]], current: "a")
        }
        #expect(throws: JobsError(code: .invalidKey, message: "the current key b is not among the keys")) {
            try EncryptedPayloads(keys: ["a": old], current: "b")
        }
    }

    @Test func `A store encrypts what it enqueues, whichever way, and still knows what is the same`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            let codec = try EncryptedPayloads(keys: ["a": old], current: "a", only: ["pay"])
            let store = JobStore(postgres: database.client, codec: codec)
            let pay = NewJob(name: "pay", input: secret, unique: Uniqueness(by: [.name, .input]))
            let open = NewJob(name: "open", input: secret)
            #expect(try await store.offer([pay, pay, open]).map(\.isDuplicate) == [false, true, false])
            _ = try await store.enqueueAll([NewJob(name: "pay", input: secret)])
            let stored = try await desk.claim().map { ($0.name, $0.input) }
            #expect(stored.map(\.0) == ["pay", "open", "pay"])
            #expect(stored.map { $0.1.text.contains("4111") } == [false, true, false])
            #expect(try codec.decode(stored[0].1, of: .input(of: "pay")) == secret)
            #expect(try codec.decode(stored[2].1, of: .input(of: "pay")) == secret)
        }
    }
}
