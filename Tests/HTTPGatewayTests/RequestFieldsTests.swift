import HTTP
import Testing

@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct RequestFieldsTests {
    private func fields(_ body: String, type: String? = nil) throws -> RequestFields {
        var request = HTTPRequest(.post, "/", body: Array(body.utf8))
        request.headers["Content-Type"] = type
        return try RequestFields(request)
    }

    @Test func `Fields are read as what they are`() throws {
        var fields = try fields(
            #"{"a": "x", "n": 3, "l": ["p", "q"], "none": null}"#,
            type: "application/json"
        )
        #expect(fields.string("a") == "x")
        #expect(fields.integer("n", in: 1...5) == 3)
        #expect(fields.strings("l", count: 1...2) == ["p", "q"])
        #expect(fields.optionalString("none") == nil)
        #expect(fields.optionalString("missing") == nil)
        try fields.check()
    }

    @Test func `Every field that is wrong is named`() throws {
        var fields = try fields(#"{"a": 1, "n": "3", "m": 9, "l": ["p", 2], "d": ["p", "p"], "e": ""}"#)
        _ = fields.string("a")
        _ = fields.integer("n", in: 1...5)
        _ = fields.integer("m", in: 1...5)
        _ = fields.strings("l", count: 1...2)
        _ = fields.strings("d", count: 1...2)
        _ = fields.string("e")
        _ = fields.string("missing")
        #expect {
            try fields.check()
        } throws: { error in
            guard let problem = error as? Problem, problem.status == 422 else { return false }
            let named = problem.extra.first?.value.array?.compactMap { $0["field"]?.string }
            return named == ["a", "n", "m", "l[1]", "d", "e", "missing"]
        }
    }

    @Test(arguments: [("{", 400), ("[]", 400), ("\"x\"", 400), ("{\"a\":1,}", 400), ("{\"a\":1}{", 400)])
    func `A body that is no object is refused`(body: String, status: Int) {
        #expect { try fields(body) } throws: { ($0 as? Problem)?.status == status }
    }

    @Test func `A form is refused`() {
        #expect { try fields("a=1", type: "application/x-www-form-urlencoded") } throws: {
            ($0 as? Problem)?.status == 415
        }
    }
}
