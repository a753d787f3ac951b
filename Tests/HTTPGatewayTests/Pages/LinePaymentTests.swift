import HTTP
import TestSupport
import Testing

/// A payment that takes a while, and what everyone is told meanwhile.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LinePaymentTests {
    /// Has the page hear something else than was answered, where it asks: `change` is given the path and the JSON.
    private func hear(_ change: String, _ tab: BrowserTab) async throws {
        try await tab.evaluate(
            """
            (() => {
                const real = window.real ??= window.fetch
                const change = \(change)
                window.fetch = async (...asked) => {
                    const answer = await real(...asked)
                    if (!(answer.headers.get("Content-Type") ?? "").includes("json")) return answer
                    const value = await answer.json()
                    change(String(asked[0]), value)
                    return new Response(JSON.stringify(value), answer)
                }
            })()
            """
        )
    }

    @Test func `The buyer's bank is led to, and nothing else that a link could be`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(
                    try await Browser(devTools),
                    house,
                    onSale,
                    hasSockets: false
                )
                let tab = line.tab
                try await line.enter(house)
                try await tab.click("section .action button.primary")
                try await line.reach("hold")
                try await hear(
                    """
                    (path, value) => {
                        if (!path.includes("/reservations/")) return
                        value.state = "paying"
                        value.next_action = window.next ?? "https://bank.example/confirm?x=1"
                    }
                    """,
                    tab
                )
                try await tab.click("section .action button.primary")
                try await line.see("paying")
                try await line.inspectEverywhere("paying")
                #expect(
                    try await tab.evaluate("document.querySelector('main a.button').href").string
                        == "https://bank.example/confirm?x=1"
                )
                try await tab.evaluate("window.next = 'javascript:alert(1)'")
                try await tab.wait(until: "!document.querySelector('main a.button')?.checkVisibility()")
                #expect(
                    try await tab.evaluate("document.querySelector('main').dataset.view") == .string("paying")
                )
                // The payment has gone through meanwhile.
                try await hear("() => {}", tab)
                try await line.reach("bought")
                #expect(tab.hosts == ["127.0.0.1:\(house.api.port)"])
                #expect(tab.takeComplaints() == [])
            }
        }
    }

    @Test func `A slow line, a stop and a silent box office are told in words`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let tab = line.tab
                try await line.join()
                for (name, change, words) in [
                    (
                        "throttle", #"value.throttle = { factor: 0.5, reason: "errors" }"#,
                        "The line is slower"
                    ),
                    (
                        "stop",
                        #"value.pause = { since: value.as_of ?? "2026-01-01T10:00:00Z", reason: "fire alarm", stopped: true }"#,
                        "Everything stands still"
                    ),
                    (
                        "stale", #"value.stale = true; value.as_of = "2026-01-01T10:00:00Z""#,
                        "We have not heard"
                    ),
                ] {
                    try await hear("(path, value) => { if (path.endsWith('/status')) { \(change) } }", tab)
                    try await tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
                    try await tab.wait(for: words, in: ".notes")
                    try await line.inspect(name)
                }
            }
        }
    }
}
