import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct JSONTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    @Test func `A document is read as what it is`() throws {
        let value = try parse(#" {"a": [1, -2.5, 1e3, true, null], "b": {"c": "x\n\"é\u00e9\ud83d\ude00"}} "#)
        #expect(value["a"] == .array([.int(1), .double(-2.5), .double(1000), .bool(true), .null]))
        #expect(value["b"]?["c"]?.string == "x\n\"éé😀")
        #expect(try parse("9223372036854775807") == .int(.max))
        #expect(try parse("9223372036854775808") == .double(9_223_372_036_854_775_808))
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1", "nul", "tru", "\"a", "\"\u{1}\"",
        "\"\\x\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "1 2", "{\"a\":1,\"a\":2}", "1e999", "[1 2]", "{\"a\" 1}", "-",
        "\"\\u12\"",
        String(repeating: "[", count: 5000),
    ])
    func `What is not JSON is refused`(text: String) {
        #expect(throws: JSONSyntaxError.self) { try parse(text) }
    }

    @Test func `Strings that are not UTF-8 are refused`() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func `What was written is read back`() throws {
        let bytes = JSONWriter.object { json in
            json.field("text", "a\"b\\c\u{1}\n")
            json.field("number", 42)
            json.field("none", String?.none)
            json.array("list") { list in
                list.value(1)
                list.object { $0.field("x", true) }
                list.array { _ in }
            }
            json.object("nested") { $0.field("d", 1.5) }
            json.field("raw", raw: "[1]".utf8)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text == #"{"text":"a\"b\\c\u0001\u000a","number":42,"none":null,"list":[1,{"x":true},[]],"#
                + #""nested":{"d":1.5},"raw":[1]}"#
        )
        #expect(try JSONValue(parsing: bytes)["text"]?.string == "a\"b\\c\u{1}\n")
    }
}
