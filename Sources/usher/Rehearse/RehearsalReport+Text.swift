internal import BoxOffice

// A report for people.
extension RehearsalReport {
    /// Some twenty lines.
    var text: String {
        let left = tiers.filter { $0.sold < $0.capacity }
            .map { "\($0.capacity - $0.sold) of \($0.capacity) \($0.id)" }
        let end =
            switch ending {
            case .soldOut(let second): "\(Self.clock(second)) after the start"
            case .closed(let second): "no: the sale closed \(Self.clock(second)) after the start"
            case .nobodyLeft(let second): "no: nobody was left \(Self.clock(second)) after the start"
            }
        // Not of a draw that waited for nothing.
        let drawn = drawnAt.flatMap { $0 > 2 ? row("drawn", "\(Self.clock($0)) after the start") : nil }
        var lines = [drawn].compactMap(\.self)
        lines += [
            row("sold out", end),
            row(
                "tickets",
                "\(sold) of \(capacity) sold"
                    + (left.isEmpty ? "" : "; left are " + left.joined(separator: ", "))
            ),
            row(
                "buyers",
                "\(tally.joined) joined, \(tally.gaveUp) gave up, \(tally.called) were called, "
                    + "\(tally.cameIn) came in, \(tally.bought) bought"
            ),
            row("called", Self.waits(tally.waitsToCalled)),
            row("bought", Self.waits(tally.waitsToSold)),
            row("most", "\(tally.peakLine) in line, \(tally.peakInside) of \(activeLimit) inside"),
            row(
                "no-show",
                "\(Self.percent(noShow)) of the called, learned as \(Self.percent(learnedNoShow))"
            ),
        ]
        if !tally.perMinute.isEmpty {
            lines += ["", "tickets sold, from the start"] + Self.chart(tally.perMinute)
        }
        let bound = [AdmissionLaw.Reason.rate, .limit, .stock, .line]
            .map { "\($0.rawValue) \(Self.percent(part(of: $0)))" }
        lines += ["", row("bound by", bound.joined(separator: ", ")), advice, ""]
        lines.append(
            row(
                "machine",
                "played in \(Self.rounded(machine.seconds, 10)) s; a second of the sale took "
                    + "\(Self.milliseconds(machine.steps)), a tick \(Self.milliseconds(machine.ticks)), "
                    + "a hold \(Self.milliseconds(machine.holds)) (p99): it "
                    + (machine.keptUp ? "kept up" : "did not keep up")
            )
        )
        return lines.joined(separator: "\n")
    }

    private func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 10 - name.count)) + value
    }

    /// Seconds as minutes and seconds, or with hours.
    static func clock(_ seconds: Int) -> String {
        func two(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        return hours > 0
            ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
    }

    /// Three percentiles of waits.
    static func waits(_ seconds: [Int]) -> String {
        let samples = Samples(seconds.map(Double.init))
        guard !samples.isEmpty else { return "nobody" }
        let parts = [50, 90, 99].map { part in
            "p\(part) \(clock(Int(samples.percentile(Double(part) / 100) ?? 0)))"
        }
        return parts.joined(separator: "  ") + " after the start, or after joining later"
    }

    /// A bar for each minute, or for each few of them where there would be more than twenty.
    static func chart(_ perMinute: [Int]) -> [String] {
        let most = 20
        let width = 40
        let together = max(1, (perMinute.count + most - 1) / most)
        let sums = stride(from: 0, to: perMinute.count, by: together).map { start in
            (start, perMinute[start..<min(start + together, perMinute.count)].reduce(0, +))
        }
        let highest = max(1, sums.map(\.1).max() ?? 1)
        let digits = "\(sums.last?.0 ?? 0)".count
        return sums.map { start, tickets in
            let label = String(repeating: " ", count: max(0, digits - "\(start)".count)) + "\(start)"
            let bar = String(repeating: "█", count: (tickets * width + highest - 1) / highest)
            return "  \(label) min \(bar)\(bar.isEmpty ? "" : " ")\(tickets)"
        }
    }

    private static func percent(_ part: Double) -> String { "\(Int((part * 100).rounded())) %" }

    private static func milliseconds(_ samples: Samples) -> String {
        "\(rounded(samples.percentile(0.99) ?? 0, 10)) ms"
    }
}
