import HTTP
import Testing
import TestSupport

/// The line of one on-sale before somebody's eyes.
struct LineOnScreen {
    let tab: BrowserTab
    let url: String

    /// Opens the page.
    init(
        _ browser: Browser,
        _ house: GatewayAtWork,
        _ onSale: String,
        _ look: Browser.Look = .phone,
        hasSockets: Bool = true,
        query: String = ""
    ) async throws {
        tab = try await browser.tab(look)
        url = "http://127.0.0.1:\(house.api.port)/on-sales/\(onSale)\(query)"
        if !hasSockets { try await tab.forbidSockets() }
        try await tab.open(url)
    }

    /// Waits until a view is there.
    func reach(_ view: String) async throws {
        try await tab.wait(until: "document.querySelector('main').dataset.view === '\(view)'")
    }

    /// Takes a place in the open room.
    func join() async throws {
        try await reach("join")
        try await tab.click("button.primary")
        try await reach("joined")
    }

    /// Takes a place, and comes in once the sale has started and it is called.
    func enter(_ house: GatewayAtWork) async throws {
        try await join()
        try await house.shiftClock(seconds: 3_700)
        try await reach("turn")
        try await tab.click(".turn button")
        try await reach("choose")
    }

    /// Waits for a view, keeps a picture of it, and holds it to what holds for every view.
    func see(_ view: String, _ name: String? = nil, look: String = "phone") async throws {
        try await reach(view)
        try await inspect(name ?? view, look: look)
    }

    /// Keeps a picture of what is there, and holds it to what holds for every view.
    func inspect(_ name: String, look: String = "phone") async throws {
        try await tab.picture("line-\(name)-\(look)")
        let complaints = tab.takeComplaints()
        #expect(complaints == [], "\(name)")
        let violations = try await tab.violations()
        #expect(violations == [], "\(name)")
        // Nothing sticks out of the page.
        let wide = try await tab.evaluate("document.documentElement.scrollWidth - innerWidth").int ?? 0
        #expect(wide <= 0, "\(name)")
    }

    /// The same at night and on a desk.
    func inspectEverywhere(_ name: String) async throws {
        try await tab.use(.phone.dark)
        try await inspect(name, look: "phone-dark")
        try await tab.use(.desk)
        try await inspect(name, look: "desk")
        try await tab.use(.desk.dark)
        try await inspect(name, look: "desk-dark")
        try await tab.use(.phone)
    }
}

extension GatewayAtWork {
    /// Has the promoter do something with the line.
    func promote(_ onSale: String, _ what: String, _ body: String = "{}") async throws {
        let answer = try await send(
            .post,
            "/v1/promoter/on-sales/\(onSale)/\(what)",
            body,
            token: promoterKey
        )
        #expect(answer.status < 300, "\(answer)")
    }
}
