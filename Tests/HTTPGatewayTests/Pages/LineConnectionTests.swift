import HTTP
import TestSupport
import Testing

/// What happens to the page between the browser and us: tabs, loads, the network, and sleep.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LineConnectionTests {
    @Test func `One browser has one place, however many tabs it has and whenever it comes back`() async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let browser = try await Browser(devTools)
                let one = try await LineOnScreen(browser, house, onSale)
                let two = try await LineOnScreen(browser, house, onSale)
                try await one.reach("join")
                try await two.reach("join")
                try await one.tab.click("button.primary")
                try await one.reach("joined")
                // The other tab hears of it.
                try await two.reach("joined")
                try await one.tab.close()
                try await two.tab.close()
                let three = try await LineOnScreen(browser, house, onSale)
                try await three.reach("joined")
                #expect(three.tab.takeComplaints() == [])
                // A script sees no token, and nobody else's browser has the place.
                #expect(try await three.tab.evaluate("document.cookie").string == "")
                let stored = try await three.tab.evaluate("JSON.stringify({...localStorage})").string ?? ""
                #expect(!stored.contains("pt_"))
                let stranger = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await stranger.reach("join")
                #expect(try await house.places(onSale) == 1)

                // Whoever lost the cookie has a secret that finds the same place.
                let again = try await three.tab.evaluate(
                    """
                    fetch("/v1/on-sales/\(onSale)/places", {
                        method: "POST", headers: { "Content-Type": "application/json", "Usher-Cookies": "\(onSale)" }, credentials: "omit",
                        body: JSON.stringify({ secret: JSON.parse(localStorage.getItem("usher.\(onSale).secret")) }),
                    }).then(answer => answer.status)
                    """
                )
                #expect(again.int == 201)
                #expect(try await house.places(onSale) == 1)
                try await house.promote(onSale, "rate", #"{"rate_per_minute": 0}"#)
                try await house.shiftClock(seconds: 3_700)
                try await three.reach("waiting")
                try await three.tab.reload()
                try await three.reach("waiting")
                #expect(three.tab.takeComplaints() == [])
            }
        }
    }

    @Test func `Without the network the page says so and keeps the place; then it goes on`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await line.join()
                try await line.tab.setOffline(true)
                try await line.tab.wait(for: "No connection", in: ".notes")
                try await line.inspect("offline")
                try await house.promote(onSale, "rate", #"{"rate_per_minute": 0}"#)
                try await house.shiftClock(seconds: 3_700)
                try await line.tab.setOffline(false)
                try await line.reach("waiting")
                try await line.tab.wait(
                    until: "!document.querySelector('.notes').textContent.includes('No connection')"
                )
                #expect(line.tab.takeComplaints() == [])
            }
        }
    }

    @Test func `A phone that slept through the start wakes up at its turn`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await line.join()
                try await line.tab.setFrozen(true)
                try await house.shiftClock(seconds: 3_700)
                _ = try await house.poll("/v1/on-sales/\(onSale)/status") { ($0["serving"]?.int ?? 0) > 0 }
                try await line.tab.setFrozen(false)
                try await line.reach("turn")
                #expect(line.tab.takeComplaints() == [])
            }
        }
    }

    @Test func `A reservation is told on the socket, and asked for where there is none`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let told = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let asking = try await LineOnScreen(
                    try await Browser(devTools),
                    house,
                    onSale,
                    hasSockets: false
                )
                try await told.join()
                try await asking.join()
                try await house.shiftClock(seconds: 3_700)
                for line in [told, asking] {
                    try await line.reach("turn")
                    try await line.tab.click(".turn button")
                    try await line.reach("choose")
                    try await line.tab.click("section .action button.primary")
                    try await line.reach("hold")
                }
                // From here on nobody would answer this one.
                try await told.tab.evaluate(
                    """
                    (() => {
                        const real = window.fetch
                        window.fetch = async (...asked) => String(asked[0]).includes("/reservations/")
                            ? new Response("{}", { status: 503 }) : real(...asked)
                    })()
                    """
                )
                try await house.shiftClock(seconds: 620)
                for line in [told, asking] {
                    try await line.reach("choose")
                    try await line.tab.wait(for: "The time ran out", in: ".notes")
                    #expect(line.tab.takeComplaints() == [])
                }
            }
        }
    }

    @Test func `A hold whose answer was lost is found again with the same key`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let tab = line.tab
                try await line.enter(house)
                // The request arrives, its answer does not.
                try await tab.evaluate(
                    """
                    (() => {
                        const real = window.fetch
                        window.fetch = async (...asked) => {
                            const answer = await real(...asked)
                            if (String(asked[0]).endsWith("/v1/reservations")) throw new TypeError("lost")
                            return answer
                        }
                    })()
                    """
                )
                try await tab.click("section .action button.primary")
                try await tab.wait(for: "There is no connection. Try again.")
                try await line.inspect("hold-lost")
                try await tab.reload()
                try await line.reach("hold")
                let held = try await house.send(.get, "/v1/on-sales/\(onSale)/status")
                #expect(held["tiers"]?.array?.first?["held"]?.int == 1, "\(held)")
                #expect(tab.takeComplaints() == [])
            }
        }
    }
}
