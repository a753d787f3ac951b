import HTTP
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Every call of staff, made by everybody who may not make it, and by whoever may.
@Suite(.timeLimit(.minutes(5)))
struct StaffMatrixTests {
    /// A call of staff, with something in each of its path's holes.
    private struct Try {
        let operation: Operation
        let role: APIKeys.Role
        let path: String
        var changes: Bool { operation.method != .get }
    }

    private static func tries(_ onSale: String) -> [Try] {
        Operation.all.compactMap { operation in
            guard case .staff(let role) = operation.access else { return nil }
            var path = operation.path
            if path.contains("/on-sales/") { path.replace("{id}", with: onSale) }
            if path.contains("/reservations/") { path.replace("{id}", with: "rs_1") }
            path.replace(#/\{[a-z]+\}/#, with: "1")
            return Try(operation: operation, role: role, path: path)
        }
    }

    private static func other(_ role: APIKeys.Role) -> APIKeys.Role {
        role == .promoter ? .operator : .promoter
    }

    @Test func `each call of staff refuses every other role, and says why`() async throws {
        try await withGateway(configure: { $0.wrongKeys = 0 }) { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let keys: [APIKeys.Role: String] = [
                .promoter: house.promoterKey, .operator: house.operatorKey,
            ]
            var sessions: [APIKeys.Role: SignedIn] = [:]
            for (role, key) in keys { sessions[role] = try await house.signIn(key) }
            let ended = try await house.signIn(house.promoterKey)
            let out = try await house.send(.delete, "/v1/session", headers: ended.headers())
            #expect(out.status == 204)
            let tries = Self.tries(onSale)
            #expect(tries.count > 20)
            for one in tries {
                func refused(
                    _ status: Int,
                    _ code: String,
                    token: String? = nil,
                    _ headers: HTTPHeaders = [:]
                ) async throws {
                    let answer = try await house.send(
                        one.operation.method,
                        one.path,
                        token: token,
                        headers: headers
                    )
                    #expect(
                        answer.status == status && answer.code == code,
                        "\(one.operation.id): \(answer), not \(status) \(code)"
                    )
                }
                let (own, foreign) = try (
                    #require(sessions[one.role]), #require(sessions[Self.other(one.role)])
                )
                try await refused(401, "token_required")
                try await refused(401, "invalid_token", token: place.token)
                try await refused(403, "wrong_role", token: keys[Self.other(one.role)])
                try await refused(403, "wrong_role", foreign.headers())
                try await refused(401, "session_required", ended.headers())
                // A key that is wrong is not helped by a cookie that is right.
                try await refused(401, "invalid_token", token: "uk_1_x", own.headers())
                guard one.changes else { continue }
                try await refused(403, "csrf_required", own.withoutCSRF)
                try await refused(403, "csrf_required", own.headers(csrf: foreign.csrf))
                for site in ["cross-site", "same-site", "none"] {
                    try await refused(403, "cross_site", own.headers(site: site))
                }
                try await refused(
                    403,
                    "cross_site",
                    [
                        "Cookie": "usher_session=\(own.token)", "X-CSRF-Token": own.csrf,
                        "Origin": "https://evil.example",
                    ]
                )
            }
        }
    }

    @Test func `each call of staff takes the key and the session of its role`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            for one in Self.tries(onSale) {
                let key = one.role == .promoter ? house.promoterKey : house.operatorKey
                let session = try await house.signIn(key)
                for (token, headers) in [(key, HTTPHeaders()), (nil, session.headers())] {
                    let answer = try await house.send(
                        one.operation.method,
                        one.path,
                        token: token,
                        headers: headers
                    )
                    #expect(![401, 403, 429].contains(answer.status), "\(one.operation.id): \(answer)")
                    #expect(answer.status < 500, "\(one.operation.id): \(answer)")
                }
            }
        }
    }

    @Test func `a key that only looks changes nothing, and one for an on-sale sees no other`() async throws {
        try await withGateway { house in
            let (mine, yours) = (try await house.schedule(), try await house.schedule())
            let id = try #require(OnSaleID(publicID: mine))
            let limited = try await house.keys.add(
                role: .promoter,
                label: "one",
                scope: KeyScope(onSales: [id])
            )
            let limitedSession = try await house.signIn(limited)
            for one in Self.tries(yours) {
                let readKey = try await house.keys.add(
                    role: one.role,
                    label: "eyes",
                    scope: KeyScope(isReadOnly: true)
                )
                let eyes = try await house.signIn(readKey)
                for headers in [eyes.headers(), ["Authorization": "Bearer \(readKey)"]] {
                    let answer = try await house.send(one.operation.method, one.path, headers: headers)
                    let isRefused = answer.status == 403 && answer.code == "out_of_scope"
                    let mayNot = one.changes || one.operation.id == "getBuyerKey"
                    #expect(isRefused == mayNot, "\(one.operation.id): \(answer)")
                }
                guard one.role == .promoter else { continue }
                for headers in [limitedSession.headers(), ["Authorization": "Bearer \(limited)"]] {
                    let answer = try await house.send(one.operation.method, one.path, headers: headers)
                    switch one.operation.id {
                    case "listScheduled":
                        let listed = answer["on_sales"]?.array?.compactMap { $0["id"]?.string }
                        #expect(listed == [mine])
                    case "listEvents":
                        let keys = answer["events"]?.array?.map { $0["partitionkey"]?.string }
                        #expect(answer.status == 200 && keys?.allSatisfy { $0 == mine } == true, "\(answer)")
                    case "refundReservation": #expect(answer.code == "unknown_reservation", "\(answer)")
                    default:
                        #expect(
                            answer.status == 403 && answer.code == "out_of_scope",
                            "\(one.operation.id): \(answer)"
                        )
                    }
                }
            }
            // What is within the scope is done.
            let paused = try await house.send(
                .post,
                "/v1/promoter/on-sales/\(mine)/rate",
                #"{"rate_per_minute": 7}"#,
                headers: limitedSession.headers()
            )
            #expect(paused.status == 200 && paused["rate_per_minute"]?.int == 7, "\(paused)")
        }
    }

    @Test func `no buyer's call takes a key or a session of staff for its token`() async throws {
        try await withGateway(configure: { $0.wrongKeys = 0 }) { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let session = try await house.signIn(house.operatorKey)
            for operation in Operation.all where [.place, .admission].contains(operation.access) {
                var path = operation.path
                path.replace("/places/{id}", with: "/places/\(place.id)")
                path.replace("{id}", with: path.contains("reservations") ? "rs_1" : onSale)
                for key in [house.promoterKey, house.operatorKey] {
                    let answer = try await house.send(operation.method, path, token: key)
                    #expect(answer.status == 401 || answer.status == 400, "\(operation.id): \(answer)")
                }
                let answer = try await house.send(operation.method, path, headers: session.headers())
                #expect(answer.status == 401 || answer.status == 400, "\(operation.id): \(answer)")
            }
        }
    }
}
