import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct DemoViewTests {
    private var moment: DemoView.Moment {
        var numbers = DemoTally.Numbers()
        numbers.ledger.places = Set((0..<80).map { "pl_\($0)" })
        numbers.ticketsSold = 25
        numbers.holding = 5
        numbers.joins.add(.milliseconds(12))
        return .init(seconds: 9, state: "admitting", serving: 40, last: 80, capacity: 100, numbers: numbers)
    }

    @Test func `Without a terminal a moment is one plain line`() {
        let text = DemoView(isTerminal: false).text(moment, first: false)
        #expect(text.hasPrefix("9 s admitting: joined 80, serving 40 of 80, in 0, holds 5, sold 25 of 100, "))
        #expect(text.split(separator: "\n").count == 1 && !text.contains("\u{1B}"))
    }

    @Test func `On a terminal the block is drawn over the one before`() {
        let view = DemoView(isTerminal: true)
        let first = view.text(moment, first: true)
        let height = first.split(separator: "\n").count
        #expect(!first.contains("\u{1B}[\(height)A"))
        #expect(view.text(moment, first: false).hasPrefix("\u{1B}[\(height)A"))
        #expect(first.contains("25 of 100") && first.contains("40 waiting"))
    }

    @Test(arguments: [(0, 0), (50, 20), (100, 40), (300, 40), (-5, 0)])
    func `A bar is as full as its part`(value: Int, filled: Int) {
        let bar = DemoView.bar(value, of: 100)
        #expect(bar.count == 40)
        #expect(bar.count { $0 == "█" } == filled)
    }

    private func report(
        _ change: (inout DemoTally.Numbers, inout DemoBooks) -> Void,
        checks: [String] = [],
        draw: [String] = [],
        replay: [String] = []
    ) -> DemoReport {
        var numbers = DemoTally.Numbers()
        numbers.sawSoldOut = 3
        var books = DemoBooks()
        books.capacity = 10
        books.sold = 10
        change(&numbers, &books)
        return DemoReport(
            buyers: 5,
            numbers: numbers,
            books: books,
            brokenChecks: checks,
            brokenDraw: draw,
            replay: DemoReplay.Outcome(events: 7, identical: ["analytics"], kills: 0, broken: replay),
            kills: 0,
            seed: 1,
            seconds: 2
        )
    }

    @Test func `A demo is at fault for each promise that was broken, and only then`() {
        #expect(report({ _, _ in }).faults.isEmpty)
        #expect(report({ $1.oversold = 1 }).faults.count == 1)
        #expect(report({ $1.lost = ["place: 00"] }).faults == ["1 answers of 2xx are not in the tables"])
        #expect(report({ $1.stuck = ["reservation 1"] }).faults == ["1 are stuck"])
        #expect(report({ $1.sold = 9 }).faults == ["9 of 10 tickets were sold"])
        #expect(report({ numbers, _ in numbers.sawSoldOut = 0 }).faults.count == 1)
        #expect(report({ numbers, _ in numbers.broken = ["promise 6: …"] }).faults.count == 1)
        #expect(report({ _, _ in }, checks: ["BROKEN"]).faults == ["1 audit checks failed"])
        let told = report({ _, _ in }, replay: ["analytics, told everything anew, came to something else"])
        #expect(told.faults == ["1 consumers of events did not come to the same"])
        #expect(told.text.contains("came to something else"))
        let drawn = report({ _, _ in }, draw: ["draw: the key follows from secret, beacon and root"])
        #expect(drawn.faults == ["the draw does not check out"])
        #expect(drawn.json.contains(#""draw_verified":false"#))
        #expect(report({ _, _ in }).json.contains(#""draw_verified":true"#))
    }

    @Test func `The last line has every figure that is promised`() {
        let json = report({ _, _ in }).json
        let names = [
            "buyers", "joined", "admitted", "missed", "held", "expired", "released", "declined", "sold",
            "capacity",
            "oversold", "lost", "stuck", "rejected_forgeries", "join_p99_ms", "hold_p99_ms", "seconds",
        ]
        for name in names { #expect(json.contains("\"\(name)\":")) }
        #expect(!json.contains("\n"))
    }
}
