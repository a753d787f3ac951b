import HTTP
import TestSupport
import Testing

@testable import HTTPGateway

/// Pages that nobody looks at ask for nothing, and ask at once when they are looked at again.
@Suite(.withBrowser, .timeLimit(.minutes(5)))
struct HiddenPageTests {
    /// Has the page's long timers run when the test says, and its questions be counted.
    private static func takeTime(_ tab: BrowserTab) async throws {
        try await tab.evaluate(
            """
            (() => {
                const [ask, start, stop] = [fetch, setTimeout, clearTimeout]
                let last = 0
                Object.assign(window, { asked: 0, unanswered: 0, timers: new Map() })
                window.fetch = async (...what) => {
                    asked += 1
                    unanswered += 1
                    try { return await ask(...what) } finally { unanswered -= 1 }
                }
                window.setTimeout = (what, after, ...rest) => {
                    if (after < 1000) return start(what, after, ...rest)
                    timers.set(--last, what)
                    return last
                }
                window.clearTimeout = (id) => timers.delete(id) || stop(id)
                window.pass = () => {
                    const due = [...timers.values()]
                    timers.clear()
                    for (const one of due) one()
                }
            })()
            """
        )
    }

    private static func hide(_ isHidden: Bool, _ tab: BrowserTab) async throws {
        try await tab.evaluate(
            """
            (() => {
                Object.defineProperty(document, "hidden", { configurable: true, value: \(isHidden) })
                Object.defineProperty(document, "visibilityState",
                    { configurable: true, value: "\(isHidden ? "hidden" : "visible")" })
                document.dispatchEvent(new Event("visibilitychange"))
            })()
            """
        )
    }

    /// Goes through being seen, hidden, and seen again.
    private static func leaveAndComeBack(_ tab: BrowserTab, _ name: String) async throws {
        try await takeTime(tab)
        // Hidden with nothing under way, so that whatever is asked is asked by it.
        try await hide(false, tab)
        try await tab.wait(until: "asked > 0 && unanswered === 0 && timers.size > 0")
        let seen = try await tab.evaluate("const n = asked; pass(); n").int ?? 0
        try await tab.wait(until: "asked > \(seen) && unanswered === 0 && timers.size > 0")
        try await hide(true, tab)
        let before = try await tab.evaluate("asked").int ?? 0
        #expect(try await tab.evaluate("timers.size").int == 0, "\(name)")
        try await tab.evaluate("pass()")
        #expect(try await tab.evaluate("asked").int == before, "\(name)")
        try await hide(false, tab)
        try await tab.wait(until: "asked > \(before) && unanswered === 0 && timers.size > 0")
        #expect(tab.takeComplaints() == [], "\(name)")
    }

    @Test func `The board and the desk ask for nothing while they are hidden, and go on when they are seen`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let board = try await OperatorOnBoard(Browser(devTools), house)
                try await board.signIn()
                try await board.go("queues")
                try await Self.leaveAndComeBack(board.tab, "board")
                let desk = try await PromoterAtDesk(Browser(devTools), house)
                try await desk.signIn(house.promoterKey)
                try await desk.tab.click("a[href='#/\(onSale)']")
                try await desk.tab.wait(for: "0 joined", in: "#figures")
                try await Self.leaveAndComeBack(desk.tab, "desk")
            }
        }
    }

    @Test func `The line asks at once when it is seen again`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await line.join()
                try await Self.hide(true, line.tab)
                try await Self.takeTime(line.tab)
                try await Self.hide(false, line.tab)
                try await line.tab.wait(until: "asked > 0 && unanswered === 0")
                try await line.reach("joined")
                #expect(line.tab.takeComplaints() == [])
            }
        }
    }
}
