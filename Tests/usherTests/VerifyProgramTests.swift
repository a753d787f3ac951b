import BoxOffice
import HTTP
import Postgres
import TestSupport
import Testing

@testable import usher

/// `usher verify` as anybody calls it, with a server of one draw that it can't look behind.
@Suite(.timeLimit(.minutes(5)))
struct VerifyProgramTests {
    /// What is published of a draw of ten.
    struct Publication: Sendable {
        let entries: [DrawEntry]
        var leaves: [[UInt8]]
        let root: [UInt8]
        var secret: [UInt8]
        var key: [UInt8]
        var commitment: [UInt8]

        private static let onSale = OnSaleID(rawValue: 7)

        init() {
            let salt = SecureBytes.random(32)
            entries = (1...10).map { DrawEntry(onSale: Self.onSale, arrival: $0, place: .random()) }
            leaves = entries.map { $0.leaf(blinding: $0.blinding(under: salt)) }
            root = MerkleTree(leaves: Array(leaves.joined())).root
            secret = SecureBytes.random(Commitment.secretLength)
            commitment = Commitment.to(secret)
            key = DrawKey.derive(secret: secret, beacon: nil, root: root)
            receipt = entries[2]
            blinding = entries[2].blinding(under: salt)
        }

        let receipt: DrawEntry
        private let blinding: [UInt8]

        /// What the third to arrive was given.
        func receipt(by keys: SigningKeys) -> String {
            JoinReceipt(entry: receipt, blinding: blinding).signed(with: keys)
        }

        func answer(_ path: String) -> HTTPResponse {
            switch path {
            case "/v1/on-sales/os_7/fairness":
                let text = """
                    {"on_sale": "os_7", "commitment": "\(Hex.encode(commitment))", "keeper": "usher",
                     "beacon": {"kind": "none"}, "entries": \(entries.count), "root": "\(Hex.encode(root))",
                     "rooted_at": "2026-05-01T10:00:00Z", "drawn_at": "2026-05-01T10:00:01Z",
                     "secret": "\(Hex.encode(secret))", "key": "\(Hex.encode(key))", "flags": ["no_beacon"]}
                    """
                return .json(Array(text.utf8))
            case "/v1/on-sales/os_7/leaves":
                let list = leaves.map { "\"\(Hex.encode($0))\"" }.joined(separator: ", ")
                return .json(Array("{\"leaves\": [\(list)], \"next\": null}".utf8))
            default: return .problem(.notFound)
            }
        }

        /// Runs the program on it.
        func verify(_ more: String..., onSale: String = "os_7") async throws -> BuiltProgram.Result {
            let publication = self
            let server = HTTPServer(loops: try TestLoops.shared.get()) { .now(publication.answer($0.path)) }
            let port = try await server.start(address: "127.0.0.1", port: 0)
            let outcome: Result<BuiltProgram.Result, any Error>
            do {
                let address = "http://127.0.0.1:\(port)/v1/on-sales/\(onSale)"
                outcome = .success(try await BuiltProgram.run(["verify", address] + more))
            } catch {
                outcome = .failure(error)
            }
            await server.drain(deadline: .zero)
            return try outcome.get()
        }
    }

    @Test func `A true draw checks out, and a receipt's place has its number`() async throws {
        let keys = try #require(SigningKeys([.init(id: 1, secret: SecureBytes.random(32))]))
        let publication = Publication()
        let result = try await publication.verify("--receipt", publication.receipt(by: keys))
        #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
        let lines = result.output.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("ok     ") }, "\(result.output)")
        let order = DrawOrder(key: publication.key, count: 10)
        #expect(lines.last == "ok     arrival 3 was drawn as number \(order.number(ofArrival: 3))")
    }

    /// One way to cheat, and the check that notices.
    struct Fraud: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let commit: @Sendable (inout Publication) -> Void

        init(_ finding: String, _ commit: @escaping @Sendable (inout Publication) -> Void) {
            testDescription = finding
            self.commit = commit
        }
    }

    private static let frauds = [
        Fraud("the root is that of the 10 published entries") { $0.leaves.swapAt(3, 4) },
        Fraud("10 entries are said to be sealed, and 9 are published") { $0.leaves.removeLast() },
        Fraud("the secret is what was committed to at scheduling") {
            $0.secret = SecureBytes.random(Commitment.secretLength)
            $0.key = DrawKey.derive(secret: $0.secret, beacon: nil, root: $0.root)
        },
        Fraud("the key follows from secret, beacon and root") { $0.key = SecureBytes.random(32) },
    ]

    @Test(arguments: frauds) func `A draw that was tampered with ends with one clear line`(
        _ fraud: Fraud
    )
        async throws
    {
        var publication = Publication()
        fraud.commit(&publication)
        let result = try await publication.verify()
        #expect(result.status == 1)
        #expect(result.errors == "usher verify: the draw does not check out\n")
        let broken = result.output.split(separator: "\n").filter { $0.hasPrefix("BROKEN") }
        #expect(broken.map { $0.dropFirst(7) } == [fraud.testDescription[...]], "\(result.output)")
    }

    @Test func `A draw that can't be read ends with one clear line`() async throws {
        let result = try await Publication().verify(onSale: "os_8")
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.errors.hasPrefix("usher verify: http://127.0.0.1:"))
        #expect(result.errors.hasSuffix("/v1/on-sales/os_8/fairness answered 404\n"))
    }
}
