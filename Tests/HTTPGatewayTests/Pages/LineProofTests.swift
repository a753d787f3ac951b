import HTTP
import TestSupport
import Testing

/// The panel that makes the draw again in the browser.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LineProofTests {
    @Test func `A browser makes the draw again, and says so when something was tampered with`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            for _ in 0..<6 { _ = try await house.join(onSale) }
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let tab = line.tab
                try await line.join()
                try await tab.click(".spread button[aria-expanded]")
                try await tab.wait(for: "The entries are not fixed yet", in: "#line")
                try await line.inspect("proof-early")
                try await house.promote(onSale, "rate", #"{"rate_per_minute": 0}"#)
                try await house.shiftClock(seconds: 3_700)
                try await line.reach("waiting")
                try await tab.click("section[aria-labelledby=proof-title] button")
                try await tab.wait(for: "Everything fits", in: "#line")
                #expect(try await tab.count(".steps li.good") == 6)
                #expect(try await tab.count(".steps li.bad") == 0)
                try await tab.evaluate("document.querySelector('.steps').scrollIntoView()")
                try await line.inspectEverywhere("proof")

                // Whoever lies about any of these is found out, at the step where it is used.
                try await tab.evaluate(
                    """
                    (() => {
                        const real = window.fetch
                        window.fetch = async (...asked) => {
                            const answer = await real(...asked)
                            if (!/fairness$|proof$/.test(asked[0])) return answer
                            const value = await answer.json()
                            const known = value[window.lie]
                            if (known) value[window.lie] = known.slice(0, -1) + (known.endsWith("0") ? "1" : "0")
                            return new Response(JSON.stringify(value), answer)
                        }
                    })()
                    """
                )
                for (lie, step) in [("blinding", 1), ("leaf", 2), ("root", 3), ("secret", 4), ("key", 6)] {
                    try await tab.evaluate("window.lie = '\(lie)'")
                    try await tab.click("section[aria-labelledby=proof-title] button")
                    try await tab.wait(for: "Something does not fit", in: "#line")
                    let found = try await tab.evaluate(
                        "document.querySelectorAll('.steps li')[\(step)].className"
                    )
                    #expect(found.string == "bad", "\(lie)")
                }
                try await line.inspect("proof-broken")
                try await tab.evaluate("window.lie = ''")
                try await tab.click("section[aria-labelledby=proof-title] button")
                try await tab.wait(for: "Everything fits", in: "#line")
                #expect(tab.takeComplaints() == [])
            }
        }
    }
}
