import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Those who come to the line with something in hand: a code, or the promoter's word for who they are.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LineInvitedTests {
    @Test func `A code makes one a member, who may have as many tickets as members may`() async throws {
        try await withGateway { house in
            let plan = PromoterAtDesk.plan().replacing(
                #""priority": 1"#,
                with: #""priority": 1, "max_per_buyer": 2"#
            )
            let scheduled = try await house.send(
                .post,
                "/v1/promoter/on-sales",
                plan,
                token: house.promoterKey
            )
            let onSale = try #require(scheduled["id"]?.string, "\(scheduled)")
            let made = try await house.send(
                .post,
                "/v1/promoter/on-sales/\(onSale)/codes",
                #"{"group": "fans", "count": 1}"#,
                token: house.promoterKey
            )
            let code = try #require(made["codes"]?.array?.first?.string, "\(made)")
            try await Browser.run { devTools in
                let member = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await member.reach("join")
                try await member.tab.wait(for: "Fan club", in: "form")
                try await member.tab.fill("#code", "NOT-ONE-OF-OURS")
                try await member.tab.click("button.primary")
                try await member.tab.wait(until: "!document.querySelector('form .problem').hidden")
                try await member.inspect("code-wrong")
                try await member.tab.fill("#code", code)
                try await member.tab.press("Enter")
                try await member.reach("joined")
                // A code is one buyer's.
                let other = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await other.reach("join")
                try await other.tab.fill("#code", code)
                try await other.tab.click("button.primary")
                try await other.tab.wait(until: "!document.querySelector('form .problem').hidden")
                try await other.tab.fill("#code", "")
                try await other.tab.press("Enter")
                try await other.reach("joined")
                try await house.shiftClock(seconds: 700)
                for (line, limit) in [(member, 2), (other, 4)] {
                    try await line.reach("turn")
                    try await line.tab.click(".turn button")
                    try await line.reach("choose")
                    #expect(try await line.tab.count("#quantity option") == limit)
                    try await line.inspect("choose-\(limit)")
                }
            }
        }
    }

    @Test func `A proven buyer comes by the shop's link, and whoever has none is told where to get it`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule(buyers: "proven")
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string == "prequeue" }
            let shown = try await house.send(
                .get,
                "/v1/promoter/on-sales/\(onSale)/buyer-key",
                token: house.promoterKey
            )
            let digits = Array(try #require(shown["key"]?.string))
            let key = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(digits[$0...$0 + 1]), radix: 16)
            }
            let word = BuyerAssertion.sign(
                "ada@example.org",
                for: try #require(OnSaleID(publicID: onSale)),
                until: .now + .seconds(300),
                key: key
            )
            try await Browser.run { devTools in
                let stranger = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await stranger.reach("join")
                #expect(try await stranger.tab.count("main form") == 0)
                try await stranger.tab.wait(for: "shop", in: "main .note")
                try await stranger.inspect("unproven")
                // Two devices, one buyer, one place; and the word does not stay in the address.
                for name in ["phone", "tablet"] {
                    let ada = try await LineOnScreen(
                        try await Browser(devTools),
                        house,
                        onSale,
                        query: "?buyer=\(word)"
                    )
                    try await ada.reach("join")
                    #expect(try await ada.tab.evaluate("location.search").string == "")
                    try await ada.join()
                    try await ada.inspect("proven-\(name)")
                }
                #expect(try await house.places(onSale) == 1)
            }
        }
    }
}
