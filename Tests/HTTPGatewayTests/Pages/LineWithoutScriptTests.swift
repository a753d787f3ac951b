import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// The line for browsers that run no scripts.
@Suite(.timeLimit(.minutes(5)))
struct LineWithoutScriptTests {
    @Test(.withBrowser)
    func `One joins, waits and is called`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            try await house.promote(onSale, "rate", #"{"rate_per_minute": 0}"#)
            try await Browser.run { devTools in
                let tab = try await Browser(devTools).tab()
                try await tab.setScripts(false)
                try await tab.open("http://127.0.0.1:\(house.api.port)/on-sales/\(onSale)")
                try await tab.wait(for: "Join the line", in: "h2")
                #expect(
                    try await tab.text("body")?.contains("To choose tickets and pay, allow JavaScript")
                        == true
                )
                try await tab.picture("line-noscript-join-phone")
                try await tab.click("form button")
                try await tab.wait(for: "You are in the draw", in: "h2")
                try await house.shiftClock(seconds: 3_700)
                // The page loads itself again.
                try await tab.wait(for: "You are in line", in: "h2")
                #expect(try await tab.text("dl")?.contains("Your number") == true)
                try await tab.picture("line-noscript-waiting-phone")
                try await house.promote(onSale, "pause", #"{"reason": "sound check"}"#)
                try await tab.wait(for: "sound check")
                try await house.promote(onSale, "resume")
                try await house.promote(onSale, "rate", #"{"rate_per_minute": 6000}"#)
                try await tab.wait(for: "It’s your turn", in: "h2")
                #expect(tab.takeComplaints() == [])
            }
        }
    }

    @Test func `The page and one's place are there while the database is not`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            let page = "/on-sales/\(onSale)"
            let joined = try await house.send(
                .post,
                "\(page)/join",
                headers: ["Sec-Fetch-Site": "same-origin"]
            )
            let cookie = try #require(joined.response.headers["Set-Cookie"]).prefix { $0 != ";" }
            await house.pool.shutdown()
            let stranger = try await house.send(.get, page)
            #expect(stranger.status == 200 && "\(stranger)".contains("Join the line"))
            let known = try await house.send(.get, page, headers: ["Cookie": "\(cookie)"])
            #expect(known.status == 200 && "\(known)".contains("You are in the draw"), "\(known.status)")
        }
    }

    @Test func `The form gives one place to one browser, and none to another site's page`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            let path = "/on-sales/\(onSale)/join"
            let own: HTTPHeaders = ["Sec-Fetch-Site": "same-origin"]
            for stranger: HTTPHeaders in [
                [:], ["Sec-Fetch-Site": "cross-site"], ["Origin": "https://evil.example"],
            ] {
                let refused = try await house.send(.post, path, headers: stranger)
                #expect(refused.status == 403 && refused.code == "cross_site", "\(refused)")
            }
            let joined = try await house.send(.post, path, headers: own)
            #expect(joined.status == 303 && joined.response.headers["Location"] == "/on-sales/\(onSale)")
            let cookie = try #require(joined.response.headers["Set-Cookie"])
            #expect(
                cookie.hasPrefix("usher_place_\(onSale)=pt_") && cookie.contains("; HttpOnly; SameSite=Lax")
            )
            let pair = String(cookie.prefix { $0 != ";" })
            let again = try await house.send(.post, path, headers: own.with("Cookie", pair))
            #expect(again.status == 303 && again.response.headers["Set-Cookie"] == nil)

            let page = try await house.send(.get, "/on-sales/\(onSale)", headers: ["Cookie": pair])
            let html = String(decoding: page.response.body, as: UTF8.self)
            #expect(html.contains("You are in the draw"))
            #expect(page.response.headers["Cache-Control"] == "private, no-store")
            let token = try #require(pair.split(separator: "=", maxSplits: 1).last)
            #expect(!html.contains(token))
            let unknown = try await house.send(.get, "/on-sales/os_zz")
            #expect(unknown.status == 404)
            #expect(String(decoding: unknown.response.body, as: UTF8.self).contains("No such sale"))
        }
    }

    @Test func `What a promoter writes is text on the page, whatever it is`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            let evil = #"</p><script>alert(1)</script>\" onload='x'"#
            try await house.promote(onSale, "message", "{\"message\": \"\(evil)\"}")
            while true {
                let page = try await house.send(.get, "/on-sales/\(onSale)?buyer=%22%3E%3Cscript%3E")
                let html = String(decoding: page.response.body, as: UTF8.self)
                #expect(!html.contains("<script>"))
                if html.contains("&lt;script&gt;alert(1)") { break }
            }
        }
    }
}

extension HTTPHeaders {
    /// The same and one more.
    func with(_ name: String, _ value: String) -> Self {
        var copy = self
        copy.add(name, value)
        return copy
    }
}
