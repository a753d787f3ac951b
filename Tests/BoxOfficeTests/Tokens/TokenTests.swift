@testable import BoxOffice
import Postgres
import Testing

@Suite(.timeLimit(.minutes(5)))
struct TokenTests {
    private let now = PostgresTimestamp(microseconds: 1_780_000_000_000_000)
    private let first = SigningKeys.Key(id: 1, secret: [UInt8](repeating: 1, count: 32))
    private let second = SigningKeys.Key(id: 2, secret: [UInt8](repeating: 2, count: 32))

    private func ring(_ keys: SigningKeys.Key...) throws -> SigningKeys { try #require(SigningKeys(keys)) }

    private var token: PlaceToken {
        PlaceToken(
            onSale: OnSaleID(rawValue: 7),
            arrival: 99,
            place: PlaceID(high: 5, low: 6),
            expiresAt: now + .seconds(60)
        )
    }

    private var admission: AdmissionToken {
        AdmissionToken(
            onSale: OnSaleID(rawValue: 7),
            admission: AdmissionID(rawValue: 3),
            arrival: 99,
            place: PlaceID(high: 5, low: 6),
            expiresAt: now + .seconds(60)
        )
    }

    @Test func `tokens come back as they were signed`() throws {
        let keys = try ring(first)
        #expect(try PlaceToken(token.signed(with: keys), keys: keys, now: now) == token)
        #expect(try AdmissionToken(admission.signed(with: keys), keys: keys, now: now) == admission)
        let entry = DrawEntry(onSale: OnSaleID(rawValue: 7), arrival: 99, place: PlaceID(high: 5, low: 6))
        let receipt = JoinReceipt(entry: entry, blinding: [UInt8](repeating: 4, count: 16))
        #expect(try JoinReceipt(receipt.signed(with: keys), keys: keys) == receipt)
        #expect(token.signed(with: keys) == token.signed(with: keys))
    }

    @Test func `any changed character is noticed`() throws {
        let keys = try ring(first)
        let text = token.signed(with: keys)
        for index in text.indices {
            for replacement in ["A", "b", "_"] where String(text[index]) != replacement {
                let forged = text.replacingCharacters(at: index, with: replacement)
                #expect(throws: TokenProblem.self) { try PlaceToken(forged, keys: keys, now: now) }
            }
        }
    }

    @Test func `a token is good for its own purpose only`() throws {
        let keys = try ring(first)
        let place = token.signed(with: keys)
        let dressedUp = "at_" + place.dropFirst(3)
        #expect(throws: TokenProblem.forged) { try AdmissionToken(dressedUp, keys: keys, now: now) }
        #expect(throws: TokenProblem.malformed) { try AdmissionToken(place, keys: keys, now: now) }
    }

    @Test func `an old key verifies, the newest signs, an unknown one is named as such`() throws {
        let text = token.signed(with: try ring(first))
        let both = try ring(first, second)
        #expect(try PlaceToken(text, keys: both, now: now) == token)
        #expect(token.signed(with: both) != text)
        #expect(throws: TokenProblem.unknownKey) { try PlaceToken(text, keys: try ring(second), now: now) }
        #expect(SigningKeys([]) == nil)
    }

    @Test func `a key of another ring with the same id is no good`() throws {
        let other = try ring(SigningKeys.Key(id: 1, secret: [UInt8](repeating: 9, count: 32)))
        let text = token.signed(with: other)
        #expect(throws: TokenProblem.forged) { try PlaceToken(text, keys: try ring(first), now: now) }
    }

    @Test func `tokens expire`() throws {
        let keys = try ring(first)
        let text = token.signed(with: keys)
        #expect(throws: TokenProblem.expired) { try PlaceToken(text, keys: keys, now: now + .seconds(60)) }
    }

    @Test(arguments: [
        "", "pt_", "pt_AAAA", "Bearer x", "pt_****", "pt_" + String(repeating: "A", count: 4000),
    ])
    func `rubbish is refused`(text: String) throws {
        #expect(throws: TokenProblem.self) { try PlaceToken(text, keys: try ring(first), now: now) }
    }

    @Test func `a promoter's word counts for its on-sale, its buyer and its time only`() throws {
        let key = BuyerAssertion.key(entrySalt: [UInt8](repeating: 1, count: 32))
        let onSale = OnSaleID(rawValue: 7)
        let text = BuyerAssertion.sign("ada@example.org", for: onSale, until: now + .seconds(60), key: key)
        guard
            case .proven("ada@example.org") = try BuyerAssertion.verify(text, for: onSale, key: key, now: now)
        else {
            Issue.record("another buyer")
            return
        }
        func verify(_ text: String, _ onSale: OnSaleID, _ key: [UInt8], _ now: PostgresTimestamp) throws {
            _ = try BuyerAssertion.verify(text, for: onSale, key: key, now: now)
        }
        #expect(throws: TokenProblem.expired) { try verify(text, onSale, key, now + .seconds(60)) }
        #expect(throws: TokenProblem.forged) { try verify(text, OnSaleID(rawValue: 8), key, now) }
        #expect(throws: TokenProblem.forged) {
            try verify(text, onSale, [UInt8](repeating: 2, count: 32), now)
        }
        let parts = text.split(separator: ".")
        #expect(throws: TokenProblem.forged) {
            try verify("\(parts[0]).4000000000.\(parts[2])", onSale, key, now)
        }
        #expect(throws: TokenProblem.forged) { try verify("Ym9i.\(parts[1]).\(parts[2])", onSale, key, now) }
        for rubbish in ["", "..", "a.b.c", "\(parts[0]).-1.\(parts[2])", text + "."] {
            #expect(throws: TokenProblem.malformed) { try verify(rubbish, onSale, key, now) }
        }
    }

    @Test func `an assertion made with openssl, as docs/buyers.md shows, is good`() throws {
        let key = [UInt8](repeating: 0x0B, count: 32)
        let onSale = OnSaleID(rawValue: 7)
        let made =
            "YWRhQGV4YW1wbGUub3Jn.4000000000.r3OI1vK4HETFHKSUti0XqLSlQLMU-4hknMwlaMYqJSs"
        let expiry = PostgresTimestamp(microseconds: 4_000_000_000_000_000)
        #expect(made == BuyerAssertion.sign("ada@example.org", for: onSale, until: expiry, key: key))
        _ = try BuyerAssertion.verify(made, for: onSale, key: key, now: now)
    }

    @Test func `buyers are told apart by who they are, not across on-sales`() {
        let salt = [UInt8](repeating: 1, count: 32)
        let ada = Buyer.proven("ada@example.org").fingerprint(under: salt)
        #expect(ada == Buyer.proven("ada@example.org").fingerprint(under: salt))
        #expect(ada != Buyer.proven("bob@example.org").fingerprint(under: salt))
        #expect(ada != Buyer.secret(Array("ada@example.org".utf8)).fingerprint(under: salt))
        #expect(ada != Buyer.proven("ada@example.org").fingerprint(under: [UInt8](repeating: 2, count: 32)))
    }
}

extension String {
    fileprivate func replacingCharacters(at index: Index, with replacement: String) -> String {
        replacingCharacters(in: index...index, with: replacement)
    }

    private func replacingCharacters(in range: ClosedRange<Index>, with replacement: String) -> String {
        String(self[..<range.lowerBound]) + replacement + String(self[self.index(after: range.upperBound)...])
    }
}
