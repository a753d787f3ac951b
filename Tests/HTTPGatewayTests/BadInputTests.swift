import HTTP
import Postgres
import Testing

@testable import BoxOffice
@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct BadInputTests {
    @Test func `Whatever is sent, the answer is the right 4xx with a problem document`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            func check(
                _ status: Int,
                _ code: String,
                _ method: HTTPMethod,
                _ path: String,
                _ body: String? = nil,
                token: String? = nil,
                location: SourceLocation = #_sourceLocation
            ) async throws {
                let answer = try await house.send(method, path, body, token: token)
                #expect(answer.status == status && answer.code == code, "\(answer)", sourceLocation: location)
                #expect(
                    answer.response.headers["Content-Type"] == "application/problem+json",
                    sourceLocation: location
                )
            }
            let join = "/v1/on-sales/\(onSale)/places"
            let forged = String(place.token.dropLast(4)) + "AAAA"
            let admissionTyped = "at_" + place.token.dropFirst(3)

            try await check(404, "not_found", .get, "/v1/nothing")
            try await check(405, "method_not_allowed", .put, "/v1/on-sales")
            try await check(404, "unknown_on_sale", .get, "/v1/on-sales/os_zzzz")
            try await check(404, "unknown_on_sale", .get, "/v1/on-sales/1%00/status")
            try await check(400, "malformed_request", .get, "/v1/on-sales/%zz/status")
            try await check(400, "bad_parameter", .get, "/v1/on-sales?limit=0")
            try await check(400, "bad_parameter", .get, "/v1/on-sales?after=x")
            try await check(400, "malformed_json", .post, join, "{")
            try await check(400, "malformed_json", .post, join, "[]")
            try await check(422, "invalid_fields", .post, join, "{}")
            try await check(422, "invalid_fields", .post, join, #"{"secret": 7}"#)
            try await check(422, "invalid_fields", .post, join, #"{"secret": "short"}"#)
            try await check(422, "invalid_fields", .post, join, #"{"buyer": "me"}"#)
            try await check(
                404,
                "unknown_on_sale",
                .post,
                "/v1/on-sales/os_zzzz/places",
                #"{"secret": "AAAAAAAAAAAAAAAAAAAAAA"}"#
            )

            try await check(401, "token_required", .get, "/v1/places/\(place.id)")
            try await check(401, "invalid_token", .get, "/v1/places/\(place.id)", token: "pt_x")
            try await check(401, "invalid_token", .get, "/v1/places/\(place.id)", token: forged)
            try await check(401, "invalid_token", .get, "/v1/places/\(place.id)", token: house.promoterKey)
            try await check(401, "invalid_token", .post, "/v1/reservations", "{}", token: place.token)
            try await check(401, "invalid_token", .post, "/v1/reservations", "{}", token: admissionTyped)
            try await check(401, "token_required", .get, "/v1/reservations/rs_1")

            try await check(401, "token_required", .get, "/v1/promoter/on-sales")
            try await check(401, "invalid_token", .get, "/v1/promoter/on-sales", token: "uk_1_x")
            try await check(403, "wrong_role", .get, "/v1/promoter/on-sales", token: house.operatorKey)
            try await check(403, "wrong_role", .get, "/v1/operator/queues", token: house.promoterKey)
            let key = house.promoterKey
            try await check(400, "malformed_json", .post, "/v1/promoter/on-sales", "{", token: key)
            try await check(
                422,
                "invalid_fields",
                .post,
                "/v1/promoter/on-sales",
                #"{"title": 1}"#,
                token: key
            )
            try await check(404, "unknown_on_sale", .get, "/v1/promoter/on-sales/os_zzzz", token: key)
            try await check(409, "wrong_state", .post, "/v1/promoter/on-sales/\(onSale)/resume", token: key)
            try await check(
                422,
                "invalid_fields",
                .post,
                "/v1/promoter/on-sales/\(onSale)/rate",
                #"{"rate_per_minute": "fast"}"#,
                token: key
            )
            try await check(
                422,
                "invalid_fields",
                .patch,
                "/v1/promoter/on-sales/\(onSale)",
                #"{"tiers": []}"#,
                token: key
            )
            try await check(
                404,
                "unknown_pool",
                .post,
                "/v1/operator/pools/none/scale",
                #"{"workers": 1}"#,
                token: house.operatorKey
            )
            try await check(
                422,
                "invalid_fields",
                .post,
                "/v1/operator/pools/none/scale",
                #"{"workers": 1000}"#,
                token: house.operatorKey
            )
            try await check(401, "bad_signature", .post, "/v1/payments/callback", "{}")

            let large = try await house.send(.post, join, String(repeating: " ", count: 2_000_000))
            #expect(large.status == 413 && large.code == "content_too_large")
        }
    }

    @Test func `A bad reservation is told what is wrong with it`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(standing: 3)
            let place = try await house.join(onSale)
            try await house.shiftClock(seconds: 3_700)
            let admission = try await house.admit(place)
            func check(_ body: String, key: String? = "k", _ status: Int, _ code: String) async throws {
                let headers: HTTPHeaders = key.map { ["Idempotency-Key": $0] } ?? [:]
                let answer = try await house.send(
                    .post,
                    "/v1/reservations",
                    body,
                    token: admission,
                    headers: headers
                )
                #expect(answer.status == status && answer.code == code, "\(body) \(answer)")
            }
            try await check(
                #"{"tier": "standing", "quantity": 1}"#,
                key: nil,
                400,
                "idempotency_key_required"
            )
            try await check(
                #"{"tier": "standing", "quantity": 1}"#,
                key: "a b",
                400,
                "idempotency_key_required"
            )
            try await check("nonsense", 400, "malformed_json")
            try await check("{}", 422, "invalid_fields")
            try await check(#"{"tier": "standing", "quantity": "two"}"#, 422, "invalid_fields")
            try await check(#"{"tier": "standing", "quantity": 0}"#, 422, "invalid_fields")
            try await check(
                #"{"tier": "standing", "quantity": 1, "seats": ["B-A-1"]}"#,
                422,
                "invalid_fields"
            )
            try await check(#"{"seats": []}"#, 422, "invalid_fields")
            try await check(#"{"seats": ["B-A-1", "B-A-1"]}"#, 422, "invalid_fields")
            try await check(#"{"tier": "none", "quantity": 1}"#, key: "u", 422, "unknown_choice")
            try await check(#"{"tier": "standing", "quantity": 4}"#, key: "s", 409, "sold_out")
            try await check(#"{"tier": "standing", "quantity": 5}"#, key: "l", 422, "limit_exceeded")
            let missing = try await house.send(.get, "/v1/reservations/rs_zz", token: admission)
            #expect(missing.status == 404 && missing.code == "unknown_reservation")
            let checkout = try await house.send(
                .post,
                "/v1/reservations/rs_zz/checkout",
                "{}",
                token: admission
            )
            #expect(checkout.status == 422 && checkout.code == "invalid_fields")
        }
    }

    @Test func `Without a database, writes are told to come again, and the status is still answered`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            await house.pool.shutdown()
            let join = try await house.send(
                .post,
                "/v1/on-sales/\(onSale)/places",
                #"{"secret": "AAAAAAAAAAAAAAAAAAAAAA"}"#
            )
            #expect(join.status == 503 && join.code == "database_unavailable", "\(join)")
            #expect(join.response.headers["Retry-After"] != nil)
            #expect(try await house.send(.get, "/v1/on-sales/\(onSale)/status").status == 200)
            let waiting = try await house.send(.get, "/v1/places/\(place.id)", token: place.token)
            #expect(waiting.status == 200, "\(waiting)")
            let list = try await house.send(.get, "/v1/promoter/on-sales", token: house.promoterKey)
            #expect(list.status == 503 || list.status == 200, "\(list)")
        }
    }

    @Test func `A payment callback that is signed is taken`() async throws {
        try await withGateway { house in
            let body = #"{"reference": "rs_zz.1", "id": "p-1", "state": "authorised"}"#
            let seconds = PostgresTimestamp.now.microseconds / 1_000_000
            let signature = WebhookSignature(secret: GatewayAtWork.paymentSecret).sign(
                Array(body.utf8),
                at: seconds
            )
            let answer = try await house.send(
                .post,
                "/v1/payments/callback",
                body,
                headers: [WebhookSignature.header: signature]
            )
            #expect(answer.status == 200 && answer["result"]?.string == "unknown", "\(answer)")
        }
    }
}
