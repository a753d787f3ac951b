import HTTP
import TestSupport
import Testing

@testable import HTTPGateway

/// Those whose time has come and who have to wait a little more: for the draw, or for room.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LineHeldUpTests {
    @Test func `Between the start and the draw the page says what it waits for`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await line.join()
                // Whoever draws stands still.
                let paused = try await house.send(
                    .post,
                    "/v1/operator/queues/default/pause",
                    token: house.operatorKey
                )
                #expect(paused.status < 300, "\(paused)")
                try await house.shiftClock(seconds: 3_700)
                try await line.see("drawing")
                try await line.inspectEverywhere("drawing")
                let resumed = try await house.send(
                    .post,
                    "/v1/operator/queues/default/resume",
                    token: house.operatorKey
                )
                #expect(resumed.status < 300, "\(resumed)")
                try await line.reach("turn")
                #expect(line.tab.takeComplaints() == [])
            }
        }
    }

    @Test func `Who is called while the room is full keeps the turn, and comes in once somebody is gone`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                try await line.join()
                let first = try await house.join(onSale)
                try await house.shiftClock(seconds: 3_700)
                try await line.reach("turn")
                let admission = try await house.admit(first)
                let changed = try await house.send(
                    .patch,
                    "/v1/promoter/on-sales/\(onSale)",
                    #"{"active_limit": 1}"#,
                    token: house.promoterKey
                )
                #expect(changed.status == 200, "\(changed)")
                try await line.tab.click(".turn button")
                try await line.tab.wait(for: "Your turn is kept", in: ".turn .note")
                try await line.inspectEverywhere("full")
                // The other one buys all that one buyer may, and that ends the session.
                try await house.buy(#"{"tier": "standing", "quantity": 4}"#, admission)
                _ = try await house.send(.delete, "/v1/places/\(first.id)", token: first.token)
                try await line.reach("choose")
                #expect(line.tab.takeComplaints() == [])
            }
        }
    }
}
