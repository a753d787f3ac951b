import HTTP
import HTTPGateway
import TestSupport
import Testing

/// What browsers and caches are told beside the answers.
@Suite(.timeLimit(.minutes(5)))
struct HeaderTests {
    private func ask(
        _ house: GatewayAtWork,
        _ method: HTTPMethod,
        _ path: String,
        _ headers: HTTPHeaders = [:]
    ) async throws -> HTTPResponse {
        try await house.client.send(HTTPRequest(method, path, headers: headers), to: house.api)
    }

    @Test func `Every answer says that it is what it says, and nothing to frame`() async throws {
        try await withGateway { house in
            let id = try await house.schedule()
            for path in [
                "/v1/on-sales/\(id)/status", "/v1/openapi.json", "/nothing", "/v1/on-sales/\(id)/certificate",
            ] {
                let answer = try await ask(house, .get, path)
                #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
                #expect(answer.headers["X-Frame-Options"] == "DENY")
                #expect(answer.headers.all("Referrer-Policy") == ["no-referrer"])
                #expect(answer.headers["X-Request-Id"]?.isEmpty == false)
                // Only over TLS may a browser be told to come by TLS from now on.
                #expect(answer.headers["Strict-Transport-Security"] == nil)
                #expect(answer.headers["Access-Control-Allow-Origin"] == nil)
            }
        }
    }

    @Test func `Who has the document of the API is told that it is the same, and may have a part of it`()
        async throws
    {
        try await withGateway { house in
            let whole = try await ask(house, .get, "/v1/openapi.json")
            let tag = try #require(whole.headers["ETag"])
            #expect(try await ask(house, .get, "/v1/openapi.json", ["If-None-Match": tag]).status == 304)
            let part = try await ask(
                house,
                .get,
                "/v1/openapi.json",
                ["Range": "bytes=1-9", "If-Range": tag]
            )
            #expect(part.status == 206)
            #expect(part.body == Array(whole.body[1...9]))
        }
    }

    @Test func `OPTIONS tells what can be done`() async throws {
        try await withGateway { house in
            let answer = try await ask(house, .options, "/v1/places/pl_x")
            #expect(answer.status == 204)
            #expect(answer.headers["Allow"] == "GET, DELETE, HEAD, OPTIONS")
            #expect(answer.body.isEmpty)
            #expect(try await ask(house, .options, "*").status == 204)
            #expect(try await ask(house, .options, "/nothing").status == 404)
        }
    }

    @Test func `Pages of a shop that is named may make the buyers' calls, and no others`() async throws {
        try await withGateway {
            $0.origins = ["https://shop.example"]
        } _: { house in
            let id = try await house.schedule()
            let path = "/v1/on-sales/\(id)/places"
            let shop: HTTPHeaders = [
                "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            ]
            let allowed = try await ask(house, .options, path, shop)
            #expect(allowed.status == 204)
            #expect(allowed.headers["Access-Control-Allow-Origin"] == "https://shop.example")
            #expect(allowed.headers["Access-Control-Allow-Methods"] == "POST")
            #expect(allowed.headers["Access-Control-Allow-Headers"]?.contains("Idempotency-Key") == true)
            #expect(allowed.headers["Vary"] == "Origin")

            var stranger = shop
            stranger["Origin"] = "https://evil.example"
            let refused = try await ask(house, .options, path, stranger)
            #expect(refused.headers["Access-Control-Allow-Origin"] == nil)
            #expect(refused.headers["Access-Control-Allow-Methods"] == nil)
            #expect(refused.headers["Vary"] == "Origin")

            let status = "/v1/on-sales/\(id)/status"
            let read = try await ask(house, .get, status, ["Origin": "https://shop.example"])
            #expect(read.headers["Access-Control-Allow-Origin"] == "https://shop.example")
            #expect(read.headers["Access-Control-Expose-Headers"]?.contains("Retry-After") == true)
            // One cache serves both: it must know that the answers differ.
            #expect(try await ask(house, .get, status).headers["Vary"] == "Origin")

            let desk: HTTPHeaders = [
                "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
            ]
            for path in ["/v1/promoter/on-sales", "/v1/payments/callback"] {
                let answer = try await ask(house, .options, path, desk)
                #expect(answer.headers["Access-Control-Allow-Origin"] == nil)
            }
            let problem = try await ask(house, .post, path, ["Origin": "https://shop.example"])
            #expect(problem.status >= 400)
            #expect(problem.headers["Access-Control-Allow-Origin"] == "https://shop.example")
        }
    }

    @Test func `Any origin is told as any`() async throws {
        try await withGateway {
            $0.origins = ["*"]
        } _: { house in
            let answer = try await ask(house, .get, "/v1/on-sales", ["Origin": "https://a.example"])
            #expect(answer.headers["Access-Control-Allow-Origin"] == "*")
            #expect(answer.headers["Vary"] == nil)
        }
    }
}
