internal import Glibc

/// What somebody who watches a demo sees: a block that is drawn again on a terminal, plain lines elsewhere.
struct DemoView: Sendable {
    /// A moment of the on-sale.
    struct Moment: Sendable {
        var seconds: Int
        var state: String
        var serving: Int
        var last: Int
        var capacity: Int
        var numbers: DemoTally.Numbers
    }

    let isTerminal: Bool
    private static let height = 7
    /// The latest so many count for the percentiles that are shown.
    private static let window = 2000

    init(isTerminal: Bool = isatty(1) == 1) {
        self.isTerminal = isTerminal
    }

    /// The text to write for a moment; `first` when nothing was drawn before.
    func text(_ moment: Moment, first: Bool) -> String {
        guard isTerminal else { return Self.line(moment) + "\n" }
        let back = first ? "" : "\u{1B}[\(Self.height)A"
        return back + block(moment).map { "\u{1B}[2K\($0)\n" }.joined()
    }

    static func line(_ moment: Moment) -> String {
        let numbers = moment.numbers
        return "\(moment.seconds) s \(moment.state): joined \(numbers.ledger.places.count), "
            + "serving \(moment.serving) of \(moment.last), in \(numbers.ledger.admitted.count), "
            + "holds \(numbers.holding), sold \(numbers.ticketsSold) of \(moment.capacity), "
            + "join p50 \(ms(numbers.joins, 0.5)) p99 \(ms(numbers.joins, 0.99)) ms, "
            + "hold p50 \(ms(numbers.holds, 0.5)) p99 \(ms(numbers.holds, 0.99)) ms"
    }

    func block(_ moment: Moment) -> [String] {
        let numbers = moment.numbers
        let waiting = max(0, moment.last - moment.serving)
        return [
            "  \(moment.state)\(String(repeating: " ", count: max(1, 52 - moment.state.count)))\(moment.seconds) s",
            "  line     \(Self.bar(waiting, of: max(1, numbers.ledger.places.count)))  \(waiting) waiting",
            "  serving  \(Self.bar(moment.serving, of: max(1, moment.last)))  \(moment.serving) of \(moment.last)",
            "  holds    \(Self.bar(numbers.holding, of: max(1, moment.capacity / 4)))  \(numbers.holding)",
            "  sold     \(Self.bar(numbers.ticketsSold, of: moment.capacity))  \(numbers.ticketsSold) of \(moment.capacity)",
            "  joins    p50 \(Self.ms(numbers.joins, 0.5)) ms   p99 \(Self.ms(numbers.joins, 0.99)) ms",
            "  holds    p50 \(Self.ms(numbers.holds, 0.5)) ms   p99 \(Self.ms(numbers.holds, 0.99)) ms",
        ]
    }

    static func bar(_ value: Int, of whole: Int, width: Int = 40) -> String {
        let filled = min(width, max(0, whole > 0 ? value * width / whole : 0))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    private static func ms(_ latencies: Latencies, _ part: Double) -> String {
        let value = latencies.percentile(part, last: window)
        return value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
}
