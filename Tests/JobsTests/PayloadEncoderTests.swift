import Foundation
import Postgres
import Testing

@testable import Jobs

/// What is written in one pass is what Foundation would have written.
struct PayloadEncoderTests {
    private enum Wish: Codable, Equatable {
        case best(tier: String, quantity: Int)
        case seats([String])
        case none
    }

    private struct Everything: Codable, Equatable {
        var text = "a \"quote\", a \\, a /, a tab\t, a bell\u{7}, a nul\u{0}, \r\n, é and 🎟"
        var wishes: [Wish] = [.best(tier: "floor", quantity: 2), .seats([]), .seats(["A-1"]), .none]
        var missing: String?
        var numbers: [Double] = [0, 1, -1.5, 1e-7, 1e300, 3.0]
        var single: Float = 0.1
        var small: [Int8] = [.min, 0, .max]
        var large: [UInt64] = [0, .max]
        var least = Int64.min
        var isSo = true
        var gaps: [Int?] = [1, nil, 3]
        var byName: [String: [String: Int]] = ["a": [:], "b/c": ["d\n": 1]]
        var byNumber: [Int: String] = [7: "seven"]
        var nothing = Nothing()
        var nothings = [Nothing(), Nothing()]
    }

    private struct Nothing: Codable, Equatable {}

    /// Two parts that share one object.
    private struct Joined: Encodable {
        struct Half: Encodable { let left: Int }
        struct Other: Encodable { let right: [Int] }

        func encode(to encoder: any Encoder) throws {
            try Half(left: 1).encode(to: encoder)
            try Other(right: [2, 3]).encode(to: encoder)
        }
    }

    private enum Key: CodingKey { case first, second }

    /// Goes back to its first list when it has begun the second.
    private struct InTurns: Encodable {
        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: Key.self)
            var first = object.nestedUnkeyedContainer(forKey: .first)
            var second = object.nestedUnkeyedContainer(forKey: .second)
            for number in 0..<3 {
                try first.encode(number)
                try second.encode(-number)
            }
        }
    }

    /// Leaves a place to write to later.
    private struct Super: Encodable {
        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: Key.self)
            try "inherited".encode(to: object.superEncoder())
            try object.encode(1, forKey: .first)
        }
    }

    private func read(_ bytes: some Sequence<UInt8>) throws -> NSObject {
        let object = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        return try #require(object as? NSObject)
    }

    private func expectSame(_ value: some Encodable, inOnePass: Bool = true) throws {
        let bytes = PayloadEncoder.bytes(of: value)
        #expect((bytes != nil) == inOnePass, "\(value)")
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        let expected = try read(encoder.encode(value))
        #expect(try read(JSONCoding.encode(value).bytes) == expected)
    }

    @Test func `Every kind of value is written as Foundation writes it`() throws {
        try expectSame(Everything())
        try expectSame(Joined())
        try expectSame([[Int]]())
        try expectSame("text")
        try expectSame(1.0)
        try expectSame(Int?.none)
        try expectSame(Wish.none)
        try expectSame([Wish?.none, .some(.seats(["\u{1F}"]))])
        let kept = try JSONCoding.decode(Everything.self, from: JSONCoding.encode(Everything()), what: "it")
        #expect(kept == Everything())
    }

    @Test func `A whole number keeps no fraction, and a slash is not escaped`() throws {
        #expect(try JSONCoding.encode(["a/b": 3.0]).text == "{\"a/b\":3}")
    }

    @Test func `What can't be written front to back is left to Foundation`() throws {
        try expectSame(InTurns(), inOnePass: false)
        try expectSame(Super(), inOnePass: false)
        try expectSame(["at": Date(timeIntervalSince1970: 86_400)], inOnePass: false)
        try expectSame([Data([1, 2, 3])], inOnePass: false)
        try expectSame(URL(string: "https://example.org/a"), inOnePass: false)
        try expectSame([Decimal(string: "1.25")], inOnePass: false)
    }

    @Test func `What has no JSON is refused with Foundation's reason`() {
        #expect(throws: EncodingError.self) { try JSONCoding.encode([Double.nan]) }
    }
}
