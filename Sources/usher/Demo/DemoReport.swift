internal import HTTP

/// How a demo went.
struct DemoReport: Sendable {
    let buyers: Int
    let numbers: DemoTally.Numbers
    let books: DemoBooks
    /// Audit checks that found something.
    let brokenChecks: [String]
    /// What does not fit when the draw is made again from what is published.
    let brokenDraw: [String]
    /// What came of telling the consumers of events everything anew.
    var replay = DemoReplay.Outcome()
    let kills: Int
    let seed: UInt64
    let seconds: Double

    /// What has to be empty for the demo to have gone well.
    var faults: [String] {
        var faults: [String] = []
        if books.oversold > 0 { faults.append("\(books.oversold) tickets were sold beyond the capacity") }
        if !books.lost.isEmpty { faults.append("\(books.lost.count) answers of 2xx are not in the tables") }
        if !books.stuck.isEmpty { faults.append("\(books.stuck.count) are stuck") }
        if books.sold != books.capacity {
            faults.append("\(books.sold) of \(books.capacity) tickets were sold")
        }
        if numbers.sawSoldOut == 0 { faults.append("no client saw the on-sale sold out") }
        if numbers.live.wanted > 0, numbers.live.opened == 0 { faults.append("no WebSocket was opened") }
        if !numbers.broken.isEmpty { faults.append("\(numbers.broken.count) answers broke a promise") }
        if !brokenDraw.isEmpty { faults.append("the draw does not check out") }
        if !replay.broken.isEmpty {
            faults.append("\(replay.broken.count) consumers of events did not come to the same")
        }
        if !brokenChecks.isEmpty { faults.append("\(brokenChecks.count) audit checks failed") }
        return faults
    }

    /// The figures as one line of JSON.
    var json: String {
        let bytes = JSONWriter.object { writer in
            writer.field("buyers", buyers)
            writer.field("joined", numbers.ledger.places.count)
            writer.field("gave_up", numbers.gaveUp)
            writer.field("admitted", numbers.ledger.admitted.count)
            writer.field("missed", books.missed)
            writer.field("held", numbers.ledger.holds.count)
            writer.field("expired", books.expired)
            writer.field("released", books.released)
            writer.field("declined", numbers.declined)
            writer.field("sold", books.sold)
            writer.field("capacity", books.capacity)
            writer.field("oversold", books.oversold)
            writer.field("lost", books.lost.count)
            writer.field("stuck", books.stuck.count)
            writer.field("rejected_forgeries", numbers.rejectedForgeries)
            writer.field("broken", numbers.broken.count + brokenChecks.count)
            writer.field("draw_verified", brokenDraw.isEmpty)
            writer.field("events", replay.events)
            writer.array("replayed") { for name in replay.identical { $0.value(name) } }
            writer.field("saw_sold_out", numbers.sawSoldOut)
            writer.field("retries", numbers.retries)
            writer.field("unexpected", numbers.unexpected.values.reduce(0, +))
            writer.field("live", numbers.live.wanted)
            writer.field("live_sockets", numbers.live.opened)
            writer.field("live_messages", numbers.live.messages)
            writer.field("live_called", numbers.live.called)
            writer.field("live_cuts", numbers.live.cuts)
            writer.field("live_fell_back", numbers.live.fellBack)
            writer.field("kills", kills)
            writer.field("join_p50_ms", Self.rounded(numbers.joins.percentile(0.5)))
            writer.field("join_p99_ms", Self.rounded(numbers.joins.percentile(0.99)))
            writer.field("hold_p50_ms", Self.rounded(numbers.holds.percentile(0.5)))
            writer.field("hold_p99_ms", Self.rounded(numbers.holds.percentile(0.99)))
            writer.field("seed", seed)
            writer.field("seconds", Self.rounded(seconds))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The figures for a person, and what went wrong, a few of each kind.
    var text: String {
        var lines = [
            "",
            "\(numbers.ledger.places.count) of \(buyers) buyers joined, \(numbers.ledger.admitted.count) came in, "
                + "\(books.missed) missed their turn, \(numbers.gaveUp) gave up",
            "\(books.sold) of \(books.capacity) tickets sold in \(numbers.ledger.holds.count) holds; "
                + "\(books.expired) expired, \(books.released) released, \(numbers.declined) payments declined",
            "\(numbers.live.wanted) were told on WebSockets (\(numbers.live.called) of their turn, "
                + "\(numbers.live.cuts) cut off, \(numbers.live.fellBack) went on by asking), the others asked",
            "joins p50 \(Self.rounded(numbers.joins.percentile(0.5))) ms, p99 "
                + "\(Self.rounded(numbers.joins.percentile(0.99))) ms; holds p50 "
                + "\(Self.rounded(numbers.holds.percentile(0.5))) ms, p99 "
                + "\(Self.rounded(numbers.holds.percentile(0.99))) ms",
            "\(numbers.rejectedForgeries) forgeries refused; oversold \(books.oversold), lost \(books.lost.count), "
                + "stuck \(books.stuck.count); \(Int(seconds)) seconds",
        ]
        for (what, count) in numbers.unexpected.sorted(by: { $0.value > $1.value }).prefix(8) {
            lines.append("not counted on, \(count) times: \(what)")
        }
        for detail in (numbers.broken + brokenChecks + brokenDraw + replay.broken + books.lost + books.stuck)
            .prefix(20)
        {
            lines.append(detail)
        }
        return lines.joined(separator: "\n")
    }

    private static func rounded(_ value: Double) -> Double {
        (value * 10).rounded() / 10
    }
}
