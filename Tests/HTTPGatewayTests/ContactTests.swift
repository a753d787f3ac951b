import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct ContactTests {
    @Test func `A buyer says how to be told, and stops it from a message`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let path = "/v1/places/\(place.id)/contact"
            let body = #"{"channel": "email", "address": "ada@example.org", "locale": "de"}"#
            let kept = try await house.send(.put, path, body, token: place.token)
            #expect(kept.status == 200 && kept["address"]?.string == "ada@example.org", "\(kept)")
            for wrong in [
                "{}", #"{"channel": "fax", "address": "x"}"#, #"{"channel": "email", "address": "x"}"#,
                #"{"channel": "sms", "address": "ada@example.org"}"#,
                #"{"channel": "email", "address": "a@b.example", "locale": "!"}"#,
            ] {
                let refused = try await house.send(.put, path, wrong, token: place.token)
                #expect(refused.status == 422, "\(refused)")
            }
            #expect(try await house.send(.put, path, body).status == 401)

            let keys = try await SigningKeys.load(from: house.database.client)
            let id = try #require(OnSaleID(publicID: onSale))
            let link = "/unsubscribe/" + UnsubscribeToken(onSale: id, arrival: 1).signed(with: keys)
            func unsubscribed() async throws -> Bool {
                let rows = try await house.database.client.query(
                    Query("test.contact", "SELECT unsubscribed_at IS NOT NULL FROM contacts")
                )
                return try rows[0][0]
            }
            // A program that only looks at links ends nothing.
            let page = try await house.send(.get, link)
            #expect(
                page.status == 200 && page.response.headers["Content-Type"]?.hasPrefix("text/html") == true
            )
            #expect(try await !unsubscribed())
            var oneClick = HTTPRequest(.post, link, body: Array("List-Unsubscribe=One-Click".utf8))
            oneClick.headers["Content-Type"] = "application/x-www-form-urlencoded"
            #expect(try await house.client.send(oneClick, to: house.api).status == 200)
            #expect(try await unsubscribed())
            #expect(try await house.send(.post, "/unsubscribe/un_forged").status == 401)
            // Saying it again is agreeing again.
            #expect(try await house.send(.put, path, body, token: place.token).status == 200)
            #expect(try await !unsubscribed())
            #expect(try await house.send(.delete, path, token: place.token).status == 204)
        }
    }

    @Test func `An operator writes texts, sees them first, and sends again what failed`() async throws {
        try await withGateway { house in
            let path = "/v1/operator/templates/sold/email/de"
            let built = try await house.send(.get, path, token: house.operatorKey)
            #expect(built["version"]?.int == 0 && built["previews"]?.array?.count == 2, "\(built)")
            let text =
                #"{"subject": "{title}", "body": "{quantity, plural, one {Eine Karte} other {# Karten}}"}"#
            let preview = try await house.send(.post, "\(path)/preview", text, token: house.operatorKey)
            #expect(
                preview["previews"]?.array?.map { $0["body"]?.string } == ["Eine Karte", "3 Karten"],
                "\(preview)"
            )
            #expect(try await house.send(.get, path, token: house.operatorKey)["version"]?.int == 0)
            let written = try await house.send(.put, path, text, token: house.operatorKey)
            #expect(written["name"]?.string == "sold/email/de/1", "\(written)")
            let missing = try await house.send(
                .put,
                path,
                #"{"subject": "x", "body": "{secret}"}"#,
                token: house.operatorKey
            )
            #expect(missing.status == 422 && "\(missing)".contains("{secret} is not known"), "\(missing)")
            for unknown in ["cake/email/de", "sold/fax/de", "sold/email/x"] {
                let answer = try await house.send(
                    .get,
                    "/v1/operator/templates/\(unknown)",
                    token: house.operatorKey
                )
                #expect(answer.status == 404 && answer.code == "unknown_template", "\(answer)")
            }
            #expect(try await house.send(.get, path, token: house.promoterKey).status == 403)

            try await house.database.client.execute(
                Query(
                    "test.failed",
                    """
                    INSERT INTO notifications (kind, recipient, payload, dedupe_key, state, detail, created_at)
                    SELECT 'sold', 'ad_' || n, '{}', 'key ' || n, 'failed', 'no', usher_now()
                    FROM generate_series(1, 3) AS n
                    """
                )
            )
            let list = "/v1/operator/notifications"
            let first = try await house.send(.get, "\(list)?limit=2", token: house.operatorKey)
            let next = try #require(first["next"]?.int)
            #expect(first["notifications"]?.array?.count == 2)
            let second = try await house.send(.get, "\(list)?limit=2&after=\(next)", token: house.operatorKey)
            #expect(second["notifications"]?.array?.count == 1 && second["next"] == .null, "\(second)")
            #expect(try await house.send(.get, "\(list)?after=x", token: house.operatorKey).status == 400)
            let id = try #require(second["notifications"]?.array?.first?["id"]?.int)
            #expect(
                try await house.send(.post, "\(list)/\(id)/replay", token: house.operatorKey).status == 202
            )
            let gone = try await house.send(.post, "\(list)/999999/replay", token: house.operatorKey)
            #expect(gone.status == 404 && gone.code == "unknown_notification", "\(gone)")
            _ = try await house.poll("\(list)", token: house.operatorKey) {
                $0["notifications"]?.array?.count == 2
            }
        }
    }
}
