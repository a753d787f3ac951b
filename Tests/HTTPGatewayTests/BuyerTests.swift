import HTTP
import Postgres
import Testing

@testable import BoxOffice
@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct BuyerTests {
    /// The key as the promoter reads it.
    private func key(_ onSale: String, _ house: GatewayAtWork) async throws -> [UInt8] {
        let path = "/v1/promoter/on-sales/\(onSale)/buyer-key"
        let answer = try await house.send(.get, path, token: house.promoterKey)
        #expect(answer.status == 200 && answer["on_sale"]?.string == onSale, "\(answer)")
        #expect(answer.response.headers["Cache-Control"] == "no-store")
        let digits = Array(try #require(answer["key"]?.string))
        #expect(digits.count == 64)
        return try stride(from: 0, to: digits.count, by: 2).map {
            try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16))
        }
    }

    private func open(_ onSale: String, _ house: GatewayAtWork) async throws {
        _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
    }

    private func join(_ onSale: String, _ body: String, _ house: GatewayAtWork) async throws -> Answer {
        try await house.send(.post, "/v1/on-sales/\(onSale)/places", body)
    }

    @Test func `Whom the promoter vouches for has one place, whatever the device`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(buyers: "proven")
            try await open(onSale, house)
            let signing = (id: try #require(OnSaleID(publicID: onSale)), key: try await key(onSale, house))
            func join(_ identity: String, minutes: Int) async throws -> Answer {
                let assertion = BuyerAssertion.sign(
                    identity,
                    for: signing.id,
                    until: .now + .seconds(minutes * 60),
                    key: signing.key
                )
                let answer = try await self.join(onSale, #"{"buyer": "\#(assertion)"}"#, house)
                #expect(answer.status == 201, "\(answer)")
                return answer
            }
            let phone = try await join("ada@example.org", minutes: 5)
            let laptop = try await join("ada@example.org", minutes: 9)
            #expect(phone["place"]?.string == laptop["place"]?.string)
            #expect(phone["token"]?.string == laptop["token"]?.string)
            let bob = try await join("bob@example.org", minutes: 5)
            #expect(bob["place"]?.string != phone["place"]?.string)
            let seen = try await house.send(.get, "/v1/on-sales/\(onSale)")
            #expect(seen["buyers"]?.string == "proven", "\(seen)")
        }
    }

    @Test func `What the promoter did not sign for this on-sale and this time opens nothing`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let other = try await house.schedule()
            try await open(onSale, house)
            let id = try #require(OnSaleID(publicID: onSale))
            let signing = try await key(onSale, house)
            let soon = PostgresTimestamp.now + .seconds(300)
            let good = BuyerAssertion.sign("ada@example.org", for: id, until: soon, key: signing)
            let foreign = BuyerAssertion.sign(
                "ada@example.org",
                for: try #require(OnSaleID(publicID: other)),
                until: soon,
                key: try await key(other, house)
            )
            let late = BuyerAssertion.sign(
                "ada@example.org",
                for: id,
                until: .now - .seconds(5),
                key: signing
            )
            func check(_ body: String, _ status: Int, _ code: String, _ words: String = "") async throws {
                let answer = try await join(onSale, body, house)
                #expect(answer.status == status && answer.code == code, "\(body) \(answer)")
                #expect(words.isEmpty || answer["detail"]?.string?.contains(words) == true, "\(answer)")
            }
            try await check(#"{"buyer": "\#(good.dropLast(4))AAAA"}"#, 401, "invalid_buyer")
            try await check(#"{"buyer": "\#(foreign)"}"#, 401, "invalid_buyer")
            try await check(#"{"buyer": "\#(late)"}"#, 401, "buyer_expired")
            try await check(
                #"{"buyer": "ada@example.org"}"#,
                422,
                "invalid_fields",
                "<identity>.<expiry>.<code>"
            )
            let secret = "AAAAAAAAAAAAAAAAAAAAAA"
            let one = "exactly one of buyer and secret is required"
            try await check(#"{"buyer": "\#(good)", "secret": "\#(secret)"}"#, 422, "invalid_fields", one)
            try await check("{}", 422, "invalid_fields", one)
            try await check(#"{"secret": "\#(secret)", "code": "FANS"}"#, 422, "unknown_code")
            // A room for everybody takes a proven buyer, too.
            #expect(try await join(onSale, #"{"buyer": "\#(good)"}"#, house).status == 201)
        }
    }

    @Test func `A room for proven buyers takes no secrets, and only promoters read its key`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(buyers: "proven")
            try await open(onSale, house)
            let secret = try await join(onSale, #"{"secret": "AAAAAAAAAAAAAAAAAAAAAA"}"#, house)
            #expect(secret.status == 403 && secret.code == "buyer_required", "\(secret)")
            let path = "/v1/promoter/on-sales/\(onSale)/buyer-key"
            let wrong = try await house.send(.get, path, token: house.operatorKey)
            #expect(wrong.status == 403 && wrong.code == "wrong_role", "\(wrong)")
            let unknown = try await house.send(
                .get,
                "/v1/promoter/on-sales/os_zz/buyer-key",
                token: house.promoterKey
            )
            #expect(unknown.status == 404 && unknown.code == "unknown_on_sale", "\(unknown)")
        }
    }
}
