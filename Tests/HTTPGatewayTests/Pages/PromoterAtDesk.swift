import HTTP
import Postgres
import TestSupport
import Testing

/// Somebody who sits at the promoter's desk.
struct PromoterAtDesk {
    let house: GatewayAtWork
    let tab: BrowserTab

    init(_ browser: Browser, _ house: GatewayAtWork) async throws {
        self.house = house
        tab = try await browser.tab(.desk)
    }

    /// A plan that starts in ten minutes, and one that can't be.
    static func plan(title: String = "An evening at sea", isGood: Bool = true) -> String {
        let now = PostgresTimestamp.now
        return """
            {"title": "\(title)", "venue": "Harbour hall", "city": "Rostock", "currency": "EUR",
             "opens_at": "\(now - .seconds(60))", "starts_at": "\(now + .seconds(isGood ? 600 : -600))",
             "closes_at": "\(now + .seconds(86_400))", "rate_per_minute": 6000, "active_limit": 100,
             "capacity": \(isGood ? 64 : 60), "max_per_buyer": 4, "draw": {},
             "groups": [{"id": "fans", "name": "Fan club", "priority": 1}],
             "tiers": [{"id": "standing", "name": "Standing", "price": \(isGood ? 3200 : -1)},
                       {"id": "seated", "name": "Seated", "price": 4500}],
             "sections": [
                {"id": "S", "name": "Stalls", "tier": "standing", "standing": 20},
                {"id": "B", "name": "Balcony", "tier": "seated",
                 "rows": [{"row": "A", "seats": "1-10,13-22", "accessible": "1-2"}, {"row": "B", "seats": \(isGood ? "24" : "\"24-1\"")}]}]}
            """
    }

    func upload(_ text: String, as field: String = ".drop input") async throws {
        try await tab.wait(until: "document.querySelector('\(field)')")
        try await tab.evaluate(
            """
            (() => {
                const files = new DataTransfer()
                files.items.add(new File([\(BrowserTab.quoted(text))], "plan.json", { type: "application/json" }))
                const input = document.querySelector("\(field)")
                input.files = files.files
                input.dispatchEvent(new Event("change"))
            })()
            """
        )
    }

    /// Looks at a state as everybody would: nothing is amiss, on a phone and at night either.
    func inspect(_ name: String) async throws {
        for (look, suffix) in [
            (Browser.Look.desk, "desk"), (.desk.dark, "desk-dark"), (.phone, "phone"),
            (.phone.dark, "phone-dark"),
        ] {
            try await tab.use(look)
            let found = try await tab.violations()
            #expect(found == [], "\(name) \(suffix)")
            let isTooWide = try await tab.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"
            )
            #expect(isTooWide.bool == false, "\(name) \(suffix)")
            try await tab.picture("promoter-\(name)-\(suffix)")
        }
        try await tab.use(.desk)
        #expect(tab.takeComplaints() == [])
    }

    func signIn(_ key: String) async throws {
        try await tab.open("http://127.0.0.1:\(house.api.port)/promoter")
        try await tab.wait(for: "Sign in to your desk")
        try await tab.fill("#key", key)
        try await tab.click(".sign-in button")
    }
}
