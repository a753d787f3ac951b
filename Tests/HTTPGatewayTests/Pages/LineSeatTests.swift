import HTTP
import TestSupport
import Testing

/// Seats on the map: with the keyboard, and as others take them.
@Suite(.timeLimit(.minutes(5)), .withBrowser)
struct LineSeatTests {
    @Test func `Seats are picked with the keys, and go when somebody else is faster`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(
                balcony: #"{"row": "A", "seats": "1-5", "accessible": "1"}, {"row": "B", "seats": "1-2,5-7"}"#
            )
            let other = try await house.join(onSale)
            try await Browser.run { devTools in
                let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let tab = line.tab
                try await line.enter(house)
                try await tab.click("button.wide[aria-expanded]")
                try await tab.wait(until: "document.querySelectorAll('[role=gridcell]').length === 10")
                try await tab.evaluate("document.querySelector('[role=gridcell][tabindex=\"0\"]').focus()")
                func focused() async throws -> String? {
                    try await tab.evaluate("document.activeElement.getAttribute('aria-label')").string
                }
                #expect(try await focused() == "Row A, seat 1, €45.00, free, accessible")
                try await tab.press("ArrowRight")
                try await tab.press(" ")
                #expect(try await focused() == "Row A, seat 2, €45.00, picked")
                try await tab.press("ArrowDown")
                #expect(try await focused() == "Row B, seat 2, €45.00, free")
                try await tab.press("ArrowRight")
                try await tab.press("Enter")
                #expect(try await focused() == "Row B, seat 5, €45.00, picked")
                #expect(try await tab.text(".legend + p")?.contains("Row B, seat 5") == true)
                try await line.inspectEverywhere("seats")

                // Another buyer takes one of them.
                let admission = try await house.admit(other)
                let taken = try await house.reserve(
                    #"{"seats": ["B-A-2", "B-A-3"]}"#,
                    admission,
                    key: "other"
                )
                #expect(taken.status == 201, "\(taken)")
                try await tab.wait(until: "document.querySelectorAll('.map .seat.taken').length === 2")
                try await tab.wait(for: "A seat that you had picked was taken.", in: "[role=status]")
                #expect(try await tab.count(".map .seat.picked") == 1)
                try await line.inspect("seats-taken")
                try await tab.click(".map ~ .action button.primary")
                try await line.reach("hold")
                #expect(try await tab.text("#line")?.contains("B B 5") == true)
                try await line.inspect("hold-seats")
                // Let go, they are there for others again.
                try await tab.click(".row.spread button.plain")
                try await line.reach("choose")
                let mine = try await house.poll("/v1/on-sales/\(onSale)/seats") {
                    "\($0)".contains(#""label":"B","numbers":[1,2,5,6,7],"states":"fffff""#)
                }
                #expect(mine.status == 200)
            }
        }
    }
}
