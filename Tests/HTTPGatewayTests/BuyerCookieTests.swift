import HTTP
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// What a cookie opens, and what it doesn't.
@Suite(.timeLimit(.minutes(5)))
struct BuyerCookieTests {
    private static let ours: HTTPHeaders = ["Sec-Fetch-Site": "same-origin"]

    private func cookie(_ answer: Answer) throws -> String {
        let text = try #require(answer.response.headers["Set-Cookie"])
        #expect(text.contains("; Path=/; HttpOnly; SameSite="))
        #expect(text.contains("; Max-Age="))
        return String(text.prefix { $0 != ";" })
    }

    @Test func `A page's tokens are in cookies, and in nothing that a script can read`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            let page = Self.ours.with("Usher-Cookies", onSale)
            let body = #"{"secret": "AAAAAAAAAAAAAAAAAAAAAA"}"#
            let joined = try await house.send(.post, "/v1/on-sales/\(onSale)/places", body, headers: page)
            #expect(joined.status == 201 && joined["token"] == nil, "\(joined)")
            let place = try #require(joined["place"]?.string)
            let placeCookie = try cookie(joined)
            #expect(placeCookie.hasPrefix("usher_place_\(onSale)=pt_"))
            #expect(joined.response.headers["Set-Cookie"]?.contains("SameSite=Lax") == true)
            let known = page.with("Cookie", "other=1; \(placeCookie)")
            #expect(try await house.send(.get, "/v1/places/\(place)", headers: known).status == 200)

            try await house.shiftClock(seconds: 3_700)
            while try await house.send(.get, "/v1/places/\(place)", headers: known)["state"]?.string
                != "called"
            {}
            let admitted = try await house.send(.post, "/v1/places/\(place)/admission", headers: known)
            #expect(admitted.status == 200 && admitted["admission_token"] == nil, "\(admitted)")
            let admissionCookie = try cookie(admitted)
            #expect(admissionCookie.hasPrefix("usher_admission_\(onSale)=at_"))
            #expect(admitted.response.headers["Set-Cookie"]?.contains("SameSite=Strict") == true)
            let inside = page.with("Cookie", "\(placeCookie); \(admissionCookie)").with(
                "Idempotency-Key",
                "k"
            )
            let hold = #"{"tier": "standing", "quantity": 1}"#
            let held = try await house.send(.post, "/v1/reservations", hold, headers: inside)
            #expect(held.status == 201, "\(held)")

            // Each call, with the cookies and without what shows that our page makes it.
            let path = "/v1/reservations/\(held["reservation"]?.string ?? "")"
            let calls: [(HTTPMethod, String, String?)] = [
                (.get, "/v1/places/\(place)", nil), (.get, "/v1/places/\(place)/proof", nil),
                (.get, path, nil),
                (.post, "/v1/places/\(place)/admission", nil), (.delete, "/v1/places/\(place)", nil),
                (.put, "/v1/places/\(place)/contact", #"{"channel": "email", "address": "a@example.org"}"#),
                (.delete, "/v1/places/\(place)/contact", nil), (.post, "/v1/reservations", hold),
                (.post, path + "/extend", nil), (.post, path + "/checkout", #"{"payment_method": "good"}"#),
                (.delete, path, nil),
            ]
            for (method, target, body) in calls {
                var bare = inside
                bare["Usher-Cookies"] = nil
                let unasked = try await house.send(method, target, body, headers: bare)
                #expect(
                    unasked.status == 401 && unasked.code == "token_required",
                    "\(method) \(target) \(unasked)"
                )
                guard method != .get else { continue }
                for stranger: HTTPHeaders in [
                    [:], ["Sec-Fetch-Site": "same-site"], ["Sec-Fetch-Site": "cross-site"],
                    ["Origin": "https://evil.example"], ["Origin": "null"],
                ] {
                    var foreign = inside
                    foreign["Sec-Fetch-Site"] = stranger["Sec-Fetch-Site"]
                    foreign["Origin"] = stranger["Origin"]
                    let refused = try await house.send(method, target, body, headers: foreign)
                    #expect(
                        refused.status == 403 && refused.code == "cross_site",
                        "\(method) \(target) \(refused)"
                    )
                }
            }
            // Another on-sale's cookie is none of this one's.
            let other = try await house.schedule()
            var elsewhere = inside
            elsewhere["Usher-Cookies"] = other
            #expect(try await house.send(.get, path, headers: elsewhere).status == 401)
            let misplaced = try await house.send(.post, "/v1/on-sales/\(other)/places", body, headers: page)
            #expect(misplaced.status == 404 && misplaced.code == "unknown_on_sale", "\(misplaced)")
            // A token that is shown counts before any cookie.
            let shown = try await house.send(.get, path, token: "at_x", headers: inside)
            #expect(shown.status == 401 && shown.code == "invalid_token", "\(shown)")
            #expect(try await house.send(.get, path, headers: inside)["state"]?.string == "held")
        }
    }

    @Test func `Pages of other origins can't ask for cookies, whoever is allowed`() async throws {
        try await withGateway {
            $0.origins = ["*"]
        } _: { house in
            let onSale = try await house.schedule()
            let asked: HTTPHeaders = [
                "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "usher-cookies",
            ]
            let answer = try await house.send(.options, "/v1/on-sales/\(onSale)/places", headers: asked)
            let allowed = answer.response.headers["Access-Control-Allow-Headers"]?.lowercased() ?? ""
            #expect(
                allowed.contains("authorization") && !allowed.contains("cookie") && !allowed.contains("*")
            )
            #expect(answer.response.headers["Access-Control-Allow-Credentials"] == nil)
        }
    }

    @Test func `Who asks for what comes back by a page is given the place in a cookie`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let page = Self.ours.with("Usher-Cookies", onSale)
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            let body = #"{"secret": "AAAAAAAAAAAAAAAAAAAAAA", "quantity": 1}"#
            let path = "/v1/on-sales/\(onSale)/waitlist"
            let early = try await house.send(.post, path, body, headers: page)
            #expect(early.status == 409 && early.response.headers["Set-Cookie"] == nil, "\(early)")
            let foreign = try await house.send(.post, path, body, headers: ["Usher-Cookies": onSale])
            #expect(foreign.status == 403 && foreign.code == "cross_site", "\(foreign)")
        }
    }

    @Test func `A socket of our own page has shown the place that its cookie keeps; another's has not`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let id = try #require(OnSaleID(publicID: onSale))
            let host = "127.0.0.1:\(house.api.port)"
            for (origin, isShown) in [("http://\(host)", true), ("https://evil.example", false)] {
                let cookie = "\(BuyerCookies.name(.place, id))=\(place.token)"
                var peer = try await WebSocketPeer(
                    port: house.api.port,
                    path: "/v1/on-sales/\(onSale)/live",
                    changes: ["Host": host, "Origin": origin, "Cookie": cookie]
                )
                // Whoever has shown nothing is told so; nothing comes of a cookie that another site's page sent along.
                try await peer.send(.text(Array(#"{"type":"place"}"#.utf8)))
                var kinds: Set<String> = []
                while !kinds.contains("problem") || (isShown && !kinds.contains("place")) {
                    guard case .text(let text)? = try await peer.next() else { break }
                    let message = try JSONValue(parsing: text)
                    kinds.insert(message["type"]?.string ?? "")
                    if message["type"]?.string == "place" { #expect(message["place"]?.string == place.id) }
                }
                #expect(kinds.contains("place") == isShown, "\(kinds)")
                peer.raw.close()
            }
        }
    }
}
