import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct RouterTests {
    private let router = Router<String>([
        .init(.get, "/v1/on-sales", "list"),
        .init(.get, "/v1/on-sales/{id}", "one"),
        .init(.get, "/v1/on-sales/{id}/status", "status"),
        .init(.post, "/v1/places/{id}/admission", "admit"),
        .init(.get, "/v1/places/{id}", "place"),
        .init(.delete, "/v1/places/{id}", "leave"),
    ])

    @Test func `A path finds its route and its parameters`() throws {
        #expect(try router.match(.get, "/v1/on-sales").handler == "list")
        let status = try router.match(.get, "/v1/on-sales/a%2Fb%20c/status")
        #expect(status.handler == "status")
        #expect(status.parameters["id"] == "a/b c")
        #expect(try router.match(.head, "/v1/places/7").handler == "place")
    }

    @Test func `An unknown path is 404, an unknown method 405 with Allow`() {
        for path in ["/", "/v1", "/v1/on-sales/", "/v2/on-sales", "/v1/on-sales/1/status/x", "nowhere"] {
            #expect { try router.match(.get, path) } throws: { ($0 as? Problem)?.status == 404 }
        }
        #expect { try router.match(.post, "/v1/places/7") } throws: { error in
            let problem = error as? Problem
            return problem?.status == 405 && problem?.allow == "GET, DELETE, HEAD"
        }
        #expect { try router.match(.get, "/v1/on-sales/%zz") } throws: { ($0 as? Problem)?.status == 400 }
    }

    @Test func `A problem says all it has to say`() throws {
        var problem = Problem(
            status: 409,
            code: "full",
            title: "Full.",
            detail: "here",
            retryAfter: 3,
            extra: [("limit", .int(5))]
        )
        problem.allow = "GET"
        let response = problem.response
        #expect(response.headers["content-type"] == "application/problem+json")
        #expect(response.headers["Retry-After"] == "3")
        let body = try JSONValue(parsing: response.body)
        #expect(body["code"]?.string == "full")
        #expect(body["status"]?.int == 409)
        #expect(body["limit"]?.int == 5)
    }
}
