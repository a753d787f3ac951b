import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Signing in, and every way in which a session and a key end.
@Suite(.timeLimit(.minutes(5)))
struct SessionTests {
    private static let queues = "/v1/operator/queues"

    @Test func `a session knows whose it is, and ends when its holder signs out`() async throws {
        try await withGateway { house in
            let session = try await house.signIn(house.operatorKey)
            let known = try await house.send(.get, "/v1/session", headers: session.withoutCSRF)
            #expect(known.status == 200 && known["role"]?.string == "operator", "\(known)")
            #expect(known["csrf"]?.string == session.csrf && known["scopes"]?.array?.isEmpty == true)
            #expect(known.response.headers["Cache-Control"] == "no-store")
            #expect(try await house.send(.get, Self.queues, headers: session.withoutCSRF).status == 200)
            let forged = try await house.send(.delete, "/v1/session", headers: session.withoutCSRF)
            #expect(forged.status == 403 && forged.code == "csrf_required")
            let out = try await house.send(.delete, "/v1/session", headers: session.headers())
            #expect(out.status == 204)
            #expect(out.response.headers["Set-Cookie"]?.contains("Max-Age=0") == true)
            for target in ["/v1/session", Self.queues] {
                let answer = try await house.send(.get, target, headers: session.headers())
                #expect(answer.status == 401 && answer.code == "session_required", "\(answer)")
            }
            #expect(try await house.send(.get, "/v1/session").code == "session_required")
        }
    }

    @Test func `nobody is signed in by another's page, and no secret is kept`() async throws {
        try await withGateway { house in
            let body = "{\"key\": \"\(house.operatorKey)\"}"
            for site in ["cross-site", "same-site"] {
                let answer = try await house.send(
                    .post,
                    "/v1/session",
                    body,
                    headers: ["Sec-Fetch-Site": site]
                )
                #expect(answer.code == "cross_site" && answer.response.headers["Set-Cookie"] == nil)
            }
            let session = try await house.signIn(
                house.operatorKey,
                headers: ["X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"]
            )
            // Signing in again ends the session before it.
            _ = try await house.signIn(house.promoterKey, headers: session.withoutCSRF)
            #expect(try await house.send(.get, Self.queues, headers: session.withoutCSRF).status == 401)
            let rows = try await house.database.client.query(
                Query("test.sessions", "SELECT fingerprint FROM staff_sessions")
            )
            #expect(try rows.map { try $0[0] as [UInt8] }.contains(Digest.sha256(session.token)) == false)
            #expect(rows.count == 1)
        }
    }

    @Test func `a session that is not used ends after half an hour, and any after twelve`() async throws {
        try await withGateway { house in
            let session = try await house.signIn(house.operatorKey)
            func status() async throws -> Int {
                try await house.send(.get, Self.queues, headers: session.withoutCSRF).status
            }
            // Used every 25 minutes, for not quite twelve hours.
            for _ in 0..<28 {
                try await house.shiftClock(seconds: 25 * 60)
                #expect(try await status() == 200)
            }
            try await house.shiftClock(seconds: 21 * 60)
            #expect(try await status() == 401)
            let idle = try await house.signIn(house.operatorKey)
            try await house.shiftClock(seconds: 31 * 60)
            #expect(try await house.send(.get, Self.queues, headers: idle.withoutCSRF).status == 401)
            try await house.shiftClock(seconds: 12 * 3600)
            #expect(try await Upkeep.forgetSessions(in: house.database.client) == false)
            let left = try await house.database.client.query(
                Query("test.left", "SELECT count(*) FROM staff_sessions")
            )
            #expect(try left[0][0] == 0)
        }
    }

    @Test func `a key that is revoked takes its sessions with it, at once`() async throws {
        try await withGateway { house in
            let session = try await house.signIn(house.operatorKey)
            #expect(try await house.send(.get, Self.queues, token: house.operatorKey).status == 200)
            let holder = try #require(try await house.keys.verify(house.operatorKey))
            #expect(try await house.keys.revoke(holder.id))
            #expect(try await house.send(.get, Self.queues, token: house.operatorKey).code == "invalid_token")
            #expect(
                try await house.send(.get, Self.queues, headers: session.withoutCSRF).code
                    == "session_required"
            )
            // Whoever has it still does not guess: they are refused, and not counted.
            for _ in 0..<12 {
                #expect(try await house.send(.get, Self.queues, token: house.operatorKey).status == 401)
            }
            let other = try await house.keys.add(role: .operator, label: "other")
            #expect(try await house.send(.get, Self.queues, token: other).status == 200)
        }
    }

    @Test func `the secret from before a rotation lives for its grace, and so do its sessions`() async throws
    {
        try await withGateway { house in
            let (keys, old) = (house.keys, house.operatorKey)
            let oldSession = try await house.signIn(old)
            let id = try #require(try await keys.verify(old)).id
            let new = try #require(try await keys.rotate(id, grace: 600))
            let newSession = try await house.signIn(new)
            func statuses() async throws -> [Int] {
                [
                    try await house.send(.get, Self.queues, token: old).status,
                    try await house.send(.get, Self.queues, headers: oldSession.withoutCSRF).status,
                    try await house.send(.get, Self.queues, token: new).status,
                    try await house.send(.get, Self.queues, headers: newSession.withoutCSRF).status,
                ]
            }
            #expect(try await statuses() == [200, 200, 200, 200])
            try await house.shiftClock(seconds: 601)
            #expect(try await statuses() == [401, 401, 200, 200])
            // A second rotation ends the first secret, whatever its grace was.
            let third = try #require(try await keys.rotate(id, grace: 0))
            #expect(try await house.send(.get, Self.queues, token: new).status == 401)
            #expect(try await house.send(.get, Self.queues, headers: newSession.withoutCSRF).status == 401)
            #expect(try await house.send(.get, Self.queues, token: third).status == 200)
            #expect(try await keys.rotate(999, grace: 0) == nil)
        }
    }
}
