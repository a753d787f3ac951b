import HTTP
import Postgres
import TestSupport
import Testing

/// The ways that a wait can end without tickets.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LineEndingTests {
    /// Somebody who has joined.
    private func joined(
        _ devTools: DevTools,
        _ house: GatewayAtWork,
        _ onSale: String
    ) async throws -> LineOnScreen {
        let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
        try await line.join()
        return line
    }

    @Test func `A missed turn can be had once more`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await joined(devTools, house, onSale)
                // A clock that jumps is an outage, which extends turns: these have to be short.
                let short = #"{"turn_seconds": 5}"#
                let path = "/v1/promoter/on-sales/\(onSale)"
                let changed = try await house.send(.patch, path, short, token: house.promoterKey)
                #expect(changed.status == 200, "\(changed)")
                try await house.shiftClock(seconds: 3_700)
                try await line.see("missed")
                try await line.tab.click("main button.primary")
                try await line.reach("turn")
                // The second one is the last.
                try await line.reach("missed")
                try await line.tab.click("main button.primary")
                try await line.see("gone")
            }
        }
    }

    @Test func `A hold that runs out goes back, and one chooses again`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await joined(devTools, house, onSale)
                try await house.shiftClock(seconds: 3_700)
                try await line.reach("turn")
                try await line.tab.click(".turn button")
                try await line.reach("choose")
                try await line.tab.click("section .action button.primary")
                try await line.reach("hold")
                try await house.shiftClock(seconds: 560)
                try await line.tab.wait(for: "Less than a minute is left.")
                try await line.inspect("hold-soon")
                try await house.shiftClock(seconds: 60)
                try await line.reach("choose")
                try await line.tab.wait(for: "The time ran out", in: ".notes")
                try await line.inspect("hold-expired")
            }
        }
    }

    @Test func `Once everything is sold one asks for what comes back, and sees the position`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(standing: 1)
            let buyers = [
                try await house.join(onSale), try await house.join(onSale), try await house.join(onSale),
            ]
            try await Browser.run { devTools in
                try await house.shiftClock(seconds: 3_700)
                for (buyer, wish) in zip(buyers, [("standing", 1), ("seated", 4), ("seated", 4)]) {
                    let admission = try await house.admit(buyer)
                    let body = "{\"tier\": \"\(wish.0)\", \"quantity\": \(wish.1)}"
                    try await house.buy(body, admission)
                }
                let last = try await house.join(onSale)
                try await house.buy(#"{"tier": "seated", "quantity": 2}"#, try await house.admit(last))
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await line.see("waitlist")
                try await line.tab.click("main button.primary")
                try await line.see("listed")
                #expect(try await line.tab.text(".big") == "1")
                try await line.tab.reload()
                try await line.reach("listed")
                #expect(line.tab.takeComplaints() == [])
            }
        }
    }

    @Test func `One leaves for good, and a sale that is over says so`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await joined(devTools, house, onSale)
                try await line.tab.click(".row.spread > button:not([aria-expanded])")
                try await line.tab.wait(for: "Leave the line?", in: "dialog")
                try await line.inspect("leave")
                try await line.tab.click("dialog button.danger")
                try await line.see("left")
                let other = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await other.reach("join")
                try await house.shiftClock(seconds: 90_000)
                try await other.see("closed")
            }
        }
    }
}

extension GatewayAtWork {
    /// How many places an on-sale has given out.
    func places(_ onSale: String) async throws -> Int64 {
        let status = try await send(.get, "/v1/promoter/on-sales/\(onSale)", token: promoterKey)
        return status["last"]?.int ?? -1
    }

    /// Holds and pays.
    func buy(_ body: String, _ admission: String) async throws {
        let held = try await reserve(
            body,
            admission,
            key: "for \(admission.suffix(30))".replacing(" ", with: "-")
        )
        #expect(held.status == 201, "\(held)")
        let path = "/v1/reservations/\(held["reservation"]?.string ?? "")"
        let paying = try await send(
            .post,
            "\(path)/checkout",
            #"{"payment_method": "good"}"#,
            token: admission
        )
        #expect(paying.status == 202, "\(paying)")
        _ = try await poll(path, token: admission) { $0["state"]?.string == "sold" }
    }
}
