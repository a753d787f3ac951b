import HTTP
import TestSupport
import Testing

/// The line, walked by somebody with a phone, from before it opens to the tickets.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LinePageTests {
    @Test func `A buyer waits, is called, holds, pays and has tickets`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(opensIn: 600)
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let tab = line.tab
                try await line.reach("scheduled")
                #expect(tab.bytes > 0 && tab.bytes < 61_440, "\(tab.bytes)")
                try await line.see("scheduled")
                try await house.shiftClock(seconds: 601)
                try await line.see("join")
                try await line.inspectEverywhere("join")
                // Somebody else was there before.
                _ = try await house.join(onSale)
                try await tab.click("button.primary")
                try await line.see("joined")
                try await house.promote(onSale, "rate", #"{"rate_per_minute": 0}"#)
                try await house.promote(onSale, "message", #"{"message": "Doors are at seven."}"#)
                try await house.shiftClock(seconds: 3_000)
                try await line.reach("waiting")
                try await tab.wait(for: "Doors are at seven.")
                try await line.see("waiting")
                try await line.inspectEverywhere("waiting")

                try await house.promote(onSale, "pause", #"{"reason": "sound check"}"#)
                try await tab.wait(for: "sound check", in: ".notes")
                try await line.inspect("paused")
                try await house.promote(onSale, "resume")
                try await house.promote(onSale, "rate", #"{"rate_per_minute": 6000}"#)
                try await line.see("turn")
                try await line.inspectEverywhere("turn")
                #expect(try await tab.evaluate("document.title").string?.hasPrefix("It’s your turn") == true)

                try await tab.click(".turn button.primary")
                try await line.see("choose")
                try await line.inspectEverywhere("choose")
                #expect(try await tab.count("#quantity option") == 4)
                try await tab.evaluate("document.querySelector('#quantity').value = '2'")
                try await tab.evaluate(
                    "document.querySelector('#quantity').dispatchEvent(new Event('change'))"
                )
                try await tab.click("section button.primary")
                try await line.see("hold")
                try await line.inspectEverywhere("hold")
                try await tab.click("section .row.spread button:not(.plain)")
                try await tab.wait(
                    until: "!document.querySelector('.row.spread button:not(.plain)').checkVisibility()"
                )

                try await tab.click("input[value=declined]")
                try await tab.click("section button.primary")
                try await tab.wait(for: "declined, and nothing was charged")
                try await line.see("hold", "declined")
                try await tab.click("input[value=good]")
                try await tab.click("section button.primary")
                try await line.see("bought")
                try await line.inspectEverywhere("bought")
                #expect(try await tab.text(".bought")?.contains("2 × Standing") == true)
                #expect(tab.hosts == ["127.0.0.1:\(house.api.port)"])
                // Whoever comes back finds what they bought.
                try await tab.reload()
                try await line.reach("bought")
                // Also when it has come to nothing meanwhile.
                try await house.promote(onSale, "cancel")
                _ = try await house.poll("/v1/on-sales/\(onSale)/certificate") {
                    $0["tiers"]?.array?.first?["refunded"]?.int == 2
                }
                try await tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
                try await line.see("refunded")
                #expect(try await tab.text(".bought h2") == "You have your money back")
            }
        }
    }
}
