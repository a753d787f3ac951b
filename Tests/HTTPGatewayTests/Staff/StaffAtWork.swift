import HTTP
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Somebody who has signed in, as a browser would be.
struct SignedIn: Sendable {
    let token: String
    let csrf: String

    /// The headers of a call that a page makes.
    func headers(csrf: String? = nil, site: String = "same-origin") -> HTTPHeaders {
        [
            "Cookie": "usher_session=\(token)", "X-CSRF-Token": csrf ?? self.csrf, "Sec-Fetch-Site": site,
        ]
    }

    /// The same without the second secret.
    var withoutCSRF: HTTPHeaders {
        ["Cookie": "usher_session=\(token)", "Sec-Fetch-Site": "same-origin"]
    }
}

extension GatewayAtWork {
    var keys: APIKeys { APIKeys(postgres: database.client) }

    /// Opens a session with a key.
    func signIn(_ key: String, headers: HTTPHeaders = [:]) async throws -> SignedIn {
        let answer = try await send(.post, "/v1/session", "{\"key\": \"\(key)\"}", headers: headers)
        #expect(answer.status == 201, "\(answer)")
        let cookie = try #require(answer.response.headers["Set-Cookie"])
        #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "\(cookie)")
        #expect(cookie.contains("Path=/;"), "\(cookie)")
        let value = try #require(cookie.firstMatch(of: #/^usher_session=([^;]+);/#)?.1)
        return SignedIn(token: String(value), csrf: try #require(answer["csrf"]?.string))
    }

    /// Signs in as a client of another address, which a balancer tells of.
    func send(
        wrong key: String,
        from address: String,
        headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var headers = headers
        headers.add("X-Forwarded-For", address)
        return try await send(.post, "/v1/session", "{\"key\": \"\(key)\"}", headers: headers)
    }
}
