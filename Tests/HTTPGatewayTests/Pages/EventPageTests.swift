import HTTP
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// The event page in a browser.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct EventPageTests {
    private func inspect(_ tab: BrowserTab, _ name: String) async throws {
        try await tab.wait(until: "[...document.images].every((i) => i.complete && i.naturalWidth > 0)")
        for (look, words) in [
            (Browser.Look.phone, "phone"), (Browser.Look.phone.dark, "phone-dark"),
            (Browser.Look.desk, "desk"),
            (Browser.Look.desk.dark, "desk-dark"),
        ] {
            try await tab.use(look)
            try await tab.picture("event-\(name)-\(words)")
            let complaints = tab.takeComplaints()
            #expect(complaints == [], "\(name)")
            let violations = try await tab.violations()
            #expect(violations == [], "\(name)")
            let wide = try await tab.evaluate("document.documentElement.scrollWidth - innerWidth").int ?? 0
            #expect(wide <= 0, "\(name)")
        }
        try await tab.use(.phone)
    }

    @Test func `Whoever comes by sees what is on sale, in their language, and finds the line`() async throws {
        try await withGateway(caches: PageCaches()) { house in
            let id = try await house.schedule(
                standing: 300,
                balcony: #"{"row": "A-F", "seats": "1-12,15-26"}"#,
                capacity: 300 + 144
            )
            _ = try await house.poll("/v1/on-sales/\(id)/seat-map") { $0["state"]?.string == "prequeue" }
            let told = try await house.send(
                .patch,
                "/v1/promoter/on-sales/\(id)",
                #"{"genre": "Folk & <i>more</i>", "event_at": "2031-05-17T18:30:00Z"}"#,
                token: house.promoterKey
            )
            #expect(told.status == 200, "\(told)")
            try await house.settlePages()
            try await Browser.run { devTools in
                let tab = try await Browser(devTools).tab()
                let base = "http://127.0.0.1:\(house.api.port)"
                try await tab.open("\(base)/on-sales/\(id)/event")
                try await tab.wait(for: "The waiting room is open")
                #expect(try await tab.text("main")?.contains("Many left") == true)
                let header = try await tab.text("header") ?? ""
                #expect(
                    header.contains("On May 17, 2031") && header.contains("UTC · Folk & <i>more</i>"),
                    "\(header)"
                )
                try await inspect(tab, "prequeue")
                try await tab.click("summary")
                try await tab.wait(for: "Balcony", in: "details ul")
                try await inspect(tab, "sections")
                try await tab.click("nav a[lang=ar]")
                try await tab.wait(for: "غرفة الانتظار مفتوحة")
                try await inspect(tab, "arabic")
                try await tab.click("nav a[lang=en]")
                try await tab.wait(for: "The waiting room is open")
                try await tab.click("a.primary")
                try await tab.wait(until: "location.pathname === '/on-sales/\(id)'")
                _ = tab.takeComplaints()
            }
        }
    }
}
