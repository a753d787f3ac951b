import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Who presents wrong keys, and how often.
@Suite(.timeLimit(.minutes(5)))
struct LockOutTests {
    private static func behindBalancer(_ configuration: inout GatewayConfiguration) {
        configuration.server.trustedProxies = AddressRange.loopback
    }

    private static func guess(_ id: Int64) -> String {
        "\(PublicID.encode("uk", id))_\(Base64URL.encode(SecureBytes.random(32)))"
    }

    @Test func `an address with ten wrong keys is locked out for a quarter of an hour, and no other`()
        async throws
    {
        try await withGateway(configure: Self.behindBalancer) { house in
            let (here, there) = ("203.0.113.5", "203.0.113.6")
            let right = house.promoterKey
            let open = try await house.signIn(right, headers: ["X-Forwarded-For": here])
            // In the body and in the header, of keys that there are and of none: all count together.
            for turn in 0..<10 {
                let key = turn % 2 == 0 ? Self.guess(1) : "not a key"
                let answer =
                    turn % 3 == 0
                    ? try await house.send(
                        .get,
                        "/v1/operator/queues",
                        token: Self.guess(99),
                        headers: ["X-Forwarded-For": here]
                    ) : try await house.send(wrong: key, from: here)
                #expect(answer.status == 401 && answer.code == "invalid_token", "\(turn): \(answer)")
            }
            for key in [Self.guess(1), right] {
                let answer = try await house.send(wrong: key, from: here)
                #expect(answer.status == 429 && answer.code == "locked_out", "\(answer)")
                let seconds = try #require(answer.response.headers["Retry-After"].flatMap { Int($0) })
                #expect((880...900).contains(seconds))
            }
            // Whoever is signed in goes on, and so does everybody elsewhere.
            var headers = open.headers()
            headers.add("X-Forwarded-For", here)
            #expect(try await house.send(.get, "/v1/promoter/on-sales", headers: headers).status == 200)
            #expect(try await house.send(wrong: right, from: there).status == 201)
            try await house.shiftClock(seconds: 901)
            #expect(try await house.send(wrong: right, from: here).status == 201)
            #expect(try await house.send(wrong: Self.guess(1), from: here).status == 401)
            let audit = try await house.database.client.query(
                Query("test.audit", "SELECT actor, detail::text FROM audit_entries WHERE action = 'lock_out'")
            )
            #expect(audit.count == 1)
            #expect(try (audit[0][1] as String).contains(here))
            try await house.shiftClock(seconds: 7_200)
            _ = try await Upkeep.forgetSessions(in: house.database.client)
            let left = try await house.database.client.query(
                Query("test.left", "SELECT count(*) FROM wrong_keys")
            )
            #expect(try left[0][0] == 0)
        }
    }

    @Test func `a key that is guessed at from everywhere still opens for its holder`() async throws {
        try await withGateway(configure: Self.behindBalancer) { house in
            let id = try #require(try await house.keys.verify(house.promoterKey)).id
            for turn in 0..<30 {
                let answer = try await house.send(wrong: Self.guess(id), from: "198.51.100.\(turn)")
                #expect(answer.status == 401, "\(turn): \(answer)")
            }
            for turn in 30..<33 {
                let answer = try await house.send(wrong: Self.guess(id), from: "198.51.100.\(turn)")
                #expect(answer.status == 429, "\(turn): \(answer)")
            }
            #expect(try await house.send(wrong: house.promoterKey, from: "203.0.113.9").status == 201)
            // Addresses of one IPv6 network are one client.
            for turn in 1...10 {
                let answer = try await house.send(wrong: "none", from: "2001:db8:1:2::\(turn)")
                #expect(answer.status == 401)
            }
            let near = try await house.send(wrong: house.promoterKey, from: "2001:db8:1:2:ffff::1")
            #expect(near.status == 429)
            #expect(try await house.send(wrong: house.promoterKey, from: "2001:db8:1:3::1").status == 201)
        }
    }

    @Test func `gateways count together, exactly`() async throws {
        try await withGateway { house in
            let gateways = [
                WrongKeys(postgres: house.pool, limit: 10),
                WrongKeys(postgres: house.database.client, limit: 10),
            ]
            let outcomes = try await withThrowingTaskGroup(of: WrongKeys.Outcome.self) { group in
                for turn in 0..<40 {
                    group.addTask {
                        try await gateways[turn % 2].count(from: "203.0.113.5", key: turn % 3 == 0 ? 1 : nil)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .counted } == 10)
            #expect(try await gateways[1].lockout(of: "203.0.113.5") != nil)
            #expect(try await gateways[0].lockout(of: "203.0.113.6") == nil)
            let audit = try await house.database.client.query(
                Query("test.audit", "SELECT count(*) FROM audit_entries WHERE action = 'lock_out'")
            )
            #expect(try audit[0][0] == 1)
        }
    }
}
