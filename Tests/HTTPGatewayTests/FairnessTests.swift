import Foundation
import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Draws that strangers make again, with nothing but what the gateway tells everyone.
@Suite(.timeLimit(.minutes(5)))
struct FairnessTests {
    @Test func `Fifty lines of Python make a draw of a hundred thousand again`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let joined = try await house.joinWithReceipt(onSale)
            try await house.fill(onSale, to: 100_000)
            try await house.shiftClock(seconds: 3_700)
            let place = "/v1/places/\(joined.place.id)"
            let mine = try await house.poll(place, token: joined.place.token) { $0["number"]?.int != nil }
            let url = "http://127.0.0.1:\(house.api.port)/v1/on-sales/\(onSale)"
            let told = try await PythonScript.run("verify_draw.py", url, joined.receipt)
            let number = try #require(mine["number"]?.int)
            #expect(
                told.contains {
                    $0.hasPrefix("ok") && $0.hasSuffix("the root is that of the 100000 published entries")
                }
            )
            #expect(told.last == "arrival 1 has number \(number)", "\(told)")

            let id = try #require(OnSaleID(publicID: onSale))
            let facts = try #require(try await OnSaleStatus.find(id, in: house.database.client))
            let order = DrawOrder(key: try #require(facts.drawKey), count: 100_000)
            let drawn = (1...100_000).map { "\(order.arrival(ofNumber: Int64($0)))" }
            let list = "[\(drawn.joined(separator: ","))]"
            #expect(told.contains("order \(Hex.encode(Digest.sha256(list)))"))

            // And so does our own verifier.
            let download = DrawDownload(onSale: url)
            let published = try await download.published()
            let leaves = try await download.entries(of: published).leaves
            var verification = DrawVerification(published, leaves: leaves)
            let receipt = try JoinReceipt(unchecked: joined.receipt)
            verification.check(receipt.entry, blinding: receipt.blinding)
            #expect(verification.isFine, "\(verification.findings)")
            #expect(verification.findings.last?.text == "arrival 1 was drawn as number \(number)")
            try expectBroken(published, leaves, receipt)

            let proof = try await house.send(.get, "\(place)/proof", token: joined.place.token)
            #expect(proof["leaf"]?.string == Hex.encode(leaves.prefix(32)), "\(proof)")
            let siblings = (proof["siblings"]?.array ?? []).compactMap { $0.string.flatMap(Hex.decode) }
            #expect(
                MerkleTree.verify(
                    leaf: Array(leaves.prefix(32)),
                    at: 0,
                    of: 100_000,
                    proof: siblings,
                    root: try #require(facts.root)
                )
            )
        }
    }

    /// Each lie about a draw is found out.
    private func expectBroken(_ published: PublishedDraw, _ leaves: [UInt8], _ receipt: JoinReceipt) throws {
        let other = Hex.encode(Digest.sha256("other"))
        let lies: [(inout PublishedDraw) -> Void] = [
            { $0.secret = other }, { $0.key = other }, { $0.root = other }, { $0.secret = nil },
            { $0.entries = 7 },
            { $0.flags = [] }, { $0.commitment = other },
            {
                $0.beacon.kind = "announced"; $0.flags = []
            },
            { $0.beacon.value = other },
        ]
        for (index, lie) in lies.enumerated() {
            var draw = published
            lie(&draw)
            #expect(!DrawVerification(draw, leaves: leaves).isFine, "lie \(index)")
        }
        var swapped = leaves
        for byte in 0..<32 { swapped.swapAt(byte, byte + 32) }
        #expect(!DrawVerification(published, leaves: swapped).isFine)
        var verification = DrawVerification(published, leaves: leaves)
        verification.check(receipt.entry, blinding: [UInt8](repeating: 0, count: 16))
        #expect(!verification.isFine)
    }

    @Test func `A draw with a beacon and a promoter's secret is published step by step`() async throws {
        try await withBeacon { beacon in
            try await withGateway { house in
                let secret = SecureBytes.random(32)
                let genesis = PostgresTimestamp.now - .seconds(600)
                let terms = """
                    {"commitment": "\(Hex.encode(Commitment.to(secret)))", "reveal_seconds": 60, "beacon":
                     {"drand": "http://127.0.0.1:\(beacon)/chain", "genesis_at": "\(genesis)", "period_seconds": 30}}
                    """
                let onSale = try await house.schedule(draw: terms)
                let joined = try await house.joinWithReceipt(onSale)
                let fairness = "/v1/on-sales/\(onSale)/fairness"
                let promised = try await house.send(.get, fairness)
                #expect(promised["keeper"]?.string == "promoter" && promised["root"] == .null, "\(promised)")
                #expect(promised["beacon"]?["at"]?.string != nil && promised["secret"] == .null)
                let early = try await house.send(.get, "/v1/on-sales/\(onSale)/leaves")
                #expect(early.status == 409 && early.code == "not_sealed", "\(early)")
                let reveal = "/v1/promoter/on-sales/\(onSale)/reveal"
                let body = "{\"secret\": \"\(Hex.encode(secret))\"}"
                let tooEarly = try await house.send(.post, reveal, body, token: house.promoterKey)
                #expect(tooEarly.status == 409 && tooEarly.code == "wrong_state", "\(tooEarly)")

                try await house.shiftClock(seconds: 3_601)
                _ = try await house.poll(fairness) { $0["root"]?.string != nil }
                for wrong in [
                    "{}", #"{"secret": "xyz"}"#, "{\"secret\": \"\(Hex.encode(Digest.sha256("x")))\"}",
                ] {
                    let refused = try await house.send(.post, reveal, wrong, token: house.promoterKey)
                    #expect(refused.status == 422, "\(refused)")
                }
                let filed = try await house.send(.post, reveal, body, token: house.promoterKey)
                #expect(filed.status == 200 && filed["secret"] == .null, "\(filed)")
                #expect(filed["revealed_at"]?.string != nil)
                let lottery = try await house.send(
                    .post,
                    "/v1/promoter/on-sales/\(onSale)/beacon",
                    #"{"value": "7", "proof": "x"}"#,
                    token: house.promoterKey
                )
                #expect(lottery.status == 409, "\(lottery)")

                try await house.shiftClock(seconds: 120)
                let drawn = try await house.poll(fairness) { $0["key"]?.string != nil }
                #expect(drawn["flags"]?.array == [], "\(drawn)")
                #expect(drawn["beacon"]?["value"]?.string != nil)
                let told = try await PythonScript.run(
                    "verify_draw.py",
                    "http://127.0.0.1:\(house.api.port)/v1/on-sales/\(onSale)",
                    joined.receipt
                )
                #expect(told.last == "arrival 1 has number 1", "\(told)")
                #expect(told.contains { $0.contains("the hash of the round's signature") }, "\(told)")
            }
        }
    }

    @Test func `The certificate shows the draw, each decision and the books`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            try await house.shiftClock(seconds: 3_700)
            let admission = try await house.admit(place)
            let promoter = "/v1/promoter/on-sales/\(onSale)"
            let reason = #"{"reason": "the <b>screen</b> fell over"}"#
            #expect(
                try await house.send(.post, "\(promoter)/pause", reason, token: house.promoterKey).status
                    == 200
            )
            #expect(try await house.send(.post, "\(promoter)/resume", token: house.promoterKey).status == 200)
            let held = try await house.reserve(#"{"tier": "standing", "quantity": 2}"#, admission, key: "k1")
            #expect(held.status == 201, "\(held)")

            let first = try await house.send(.get, "/v1/on-sales/\(onSale)/certificate")
            #expect(first.status == 200 && first["final"]?.bool == false, "\(first)")
            #expect(first["violations"]?.array == [] && first["audit_whole"]?.bool == true)
            #expect(first["exceptions"]?.int == 2)
            let actions = (first["audit"]?.array ?? []).compactMap { $0["action"]?.string }
            #expect(actions == ["schedule", "seal", "draw", "pause", "resume"])
            #expect(first["line"]?["admitted"]?.int == 1 && first["draw"]?["key"]?.string != nil)
            #expect(first["tiers"]?.array?.first?["live"]?.int == 2)
            #expect(try chain(first) == first["audit"]?.array?.last?["hash"]?.string)
            let page = try await house.send(.get, "/on-sales/\(onSale)/certificate")
            let html = String(decoding: page.response.body, as: UTF8.self)
            #expect(page.status == 200 && html.contains("&lt;b&gt;screen"), "\(html)")
            #expect(page.response.headers["Content-Security-Policy"]?.contains("default-src 'none'") == true)
            for part in ["certificate", "fairness", "leaves"] {
                let unknown = try await house.send(.get, "/v1/on-sales/os_99999/\(part)")
                #expect(unknown.status == 404, "\(unknown)")
            }

            // Somebody rewrites the past.
            try await house.database.client.execute(
                Query("test.crime", "UPDATE audit_entries SET detail = '{}' WHERE action = 'pause'")
            )
            let path = "/v1/on-sales/\(onSale)/certificate"
            let second = try await house.poll(path) { $0["audit_whole"]?.bool == false }
            #expect(second["violations"]?.array?.isEmpty == false, "\(second)")
        }
    }

    @Test func `What was published of a draw stays there when the sale is long over`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let joined = try await house.joinWithReceipt(onSale)
            try await house.shiftClock(seconds: 3_700)
            _ = try await house.poll("/v1/on-sales/\(onSale)/fairness") { $0["key"]?.string != nil }
            try await house.shiftClock(seconds: 30 * 86_400)
            let certificate = "/v1/on-sales/\(onSale)/certificate"
            let last = try await house.poll(certificate) { $0["final"]?.bool == true }
            #expect(last["state"]?.string == "closed" && last["violations"]?.array == [], "\(last)")
            // The gateway that saw it run is not the one that is asked years later.
            let url = "http://127.0.0.1:\(house.api.port)/v1/on-sales/\(onSale)"
            #expect(
                try await PythonScript.run("verify_draw.py", url, joined.receipt).last
                    == "arrival 1 has number 1"
            )
        }
    }

    /// The last hash of the chain, computed as the page on fairness says.
    private func chain(_ certificate: Answer) throws -> String {
        let id = try #require(certificate["on_sale"]?.string.flatMap(OnSaleID.init(publicID:)))
        var hash: [UInt8] = []
        for entry in certificate["audit"]?.array ?? [] {
            let actor = try #require(entry["actor"]?.string)
            let action = try #require(entry["action"]?.string)
            let at = try #require(entry["recorded_at"]?.string.flatMap(PostgresTimestamp.init(rfc3339:)))
            let fields = [
                "\(id.rawValue)", "\(try #require(entry["ordinal"]?.int))", "\(at.microseconds)",
                "\(actor.utf8.count)", actor, "\(action.utf8.count)", action,
                try #require(entry["detail"]?.string),
            ]
            hash = Digest.sha256(hash + Array(fields.joined(separator: "\n").utf8))
        }
        return Hex.encode(hash)
    }
}

extension GatewayAtWork {
    /// A buyer's place and the receipt for it.
    fileprivate func joinWithReceipt(_ onSale: String) async throws -> (place: Place, receipt: String) {
        _ = try await poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string != "scheduled" }
        let secret = Base64URL.encode(SecureBytes.random(16))
        let answer = try await send(.post, "/v1/on-sales/\(onSale)/places", "{\"secret\": \"\(secret)\"}")
        #expect(answer.status == 201, "\(answer)")
        let place = Place(
            id: try #require(answer["place"]?.string),
            token: try #require(answer["token"]?.string)
        )
        return (place, try #require(answer["receipt"]?.string))
    }

    /// Fills the room up with places that nobody sits in.
    fileprivate func fill(_ onSale: String, to places: Int) async throws {
        let id = try #require(OnSaleID(publicID: onSale)).rawValue
        try await database.client.withTransaction { tx in
            try await tx.pipeline([
                Query(
                    "test.fill",
                    """
                    INSERT INTO places (on_sale_id, arrival, id, buyer, joined_at)
                    SELECT \(id), n, substring(sha256(convert_to('p' || n, 'UTF8')) FOR 16),
                        substring(sha256(convert_to('b' || n, 'UTF8')) FOR 16), usher_now()
                    FROM generate_series((SELECT issued + 1 FROM arrivals WHERE on_sale_id = \(id)), \(places)) AS n
                    """
                ),
                Query("test.issued", "UPDATE arrivals SET issued = \(places) WHERE on_sale_id = \(id)"),
            ])
        }
    }
}

/// A drand network of one, whose rounds are there whenever they are asked for.
private func withBeacon(_ body: (Int) async throws -> Void) async throws {
    let loops = try TestLoops.shared.get()
    let server = HTTPServer(loops: loops) { request in
        let round = request.path.split(separator: "/").last.flatMap { Int($0) } ?? 0
        let signature = Array("signature of round \(round)".utf8)
        let text = """
            {"round": \(round), "randomness": "\(Hex.encode(Digest.sha256(signature)))",
             "signature": "\(Hex.encode(signature))", "previous_signature": "00"}
            """
        return .now(
            HTTPResponse(status: 200, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
        )
    }
    let port = try await server.start(address: "127.0.0.1", port: 0)
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(port)) } catch { outcome = .failure(error) }
    await server.drain(deadline: .zero)
    try outcome.get()
}
