import HTTP
import TestSupport
import Testing

/// Somebody who sits before the operator's board.
struct OperatorOnBoard {
    let house: GatewayAtWork
    let tab: BrowserTab

    init(_ browser: Browser, _ house: GatewayAtWork) async throws {
        self.house = house
        tab = try await browser.tab(.desk)
    }

    /// Signs in with the house's key, and looks at the door by the way.
    func signIn() async throws {
        try await tab.open("http://127.0.0.1:\(house.api.port)/operator")
        try await tab.wait(for: "Sign in with an API key", in: ".sign-in")
        try await look("sign-in")
        try await tab.fill("#key", house.operatorKey)
        try await tab.click(".sign-in button")
        try await tab.wait(for: "Overview", in: "h1")
    }

    /// Goes to a view by its address.
    func go(_ hash: String) async throws {
        try await tab.evaluate("location.hash = \(BrowserTab.quoted("#" + hash)); null")
        try await tab.wait(
            until: "document.querySelector('#main').dataset.shown === \(BrowserTab.quoted("#" + hash))"
        )
    }

    /// Presses a button of the page, and says yes to what it asks.
    func order(_ selector: String) async throws {
        try await tab.click("#main \(selector)")
        try await tab.wait(until: "document.querySelector('dialog[open]')")
        try await tab.click("dialog[open] button[value=yes]")
        try await tab.wait(until: "!document.querySelector('dialog')")
    }

    /// Nothing is wrong with what is seen.
    func check(_ name: String) async throws {
        let found = try await tab.violations()
        #expect(found == [], "\(name)")
        #expect(tab.takeComplaints() == [], "\(name)")
    }

    /// What is seen, in all the ways that people look.
    func look(_ name: String) async throws {
        try await check(name)
        for (look, suffix) in [
            (Browser.Look.desk, "desk"), (.desk.dark, "desk-dark"), (.phone, "phone"),
            (.phone.dark, "phone-dark"),
        ] {
            try await tab.use(look)
            try await tab.picture("board-\(name)-\(suffix)")
            let wide = try await tab.evaluate("document.documentElement.scrollWidth > innerWidth").bool
            #expect(wide == false, "\(name) \(suffix) is wider than its screen")
            if look.isDark { try await check("\(name) \(suffix)") }
        }
        try await tab.use(.desk)
    }
}
