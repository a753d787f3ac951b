import Foundation

@testable import HTTP

/// JSON, as clients send it.
enum JSONFuzz: FuzzTarget {
    static let name = "json"
    static let seeds: [[UInt8]] = [
        "null", " [true, false, 1, -0, 1.5e3, 1E-2, 9223372036854775807, 9223372036854775808] ", "{}", "[]",
        #"{"a": {"b": [{"c": "d"}]}, "e": "\"\\\/\b\f\n\r\t\u00e4\ud83c\udfab"}"#, #"{"a": 1, "a": 2}"#,
        #"{"secret": "AAAAAAAAAAAAAAAAAAAAAA"}"#, #"{"tier": "standing", "quantity": 2}"#,
        "\"\u{E4}\u{1F3AB}\"",
        String(repeating: "[", count: 33) + String(repeating: "]", count: 33), "01", "1.", "+1",
        "\"\\ud800\"",
        "1e999", "[1,]", "{\"a\"}", "tru", "\"\u{1}\"",
    ].map { Array($0.utf8) }

    static func check(_ bytes: [UInt8]) {
        // What is refused has nothing more to hold.
        guard let value = try? JSONValue(parsing: bytes) else { return }
        precondition(depth(of: value) <= 33, "more levels than the limit")
        // Whoever reads less strictly takes it, too.
        let other = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        precondition(other != nil, "nobody else takes this for JSON")
        var writer = JSONWriter()
        writer.value(value)
        guard let again = try? JSONValue(parsing: writer.bytes) else {
            fatalError("what was written of \(value) is not JSON")
        }
        precondition(again == value, "\(again) is not \(value)")
    }

    private static func depth(of value: JSONValue) -> Int {
        switch value {
        case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
        case .object(let members): 1 + (members.map { depth(of: $0.value) }.max() ?? 0)
        default: 0
        }
    }
}
