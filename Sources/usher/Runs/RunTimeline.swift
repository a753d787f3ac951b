internal import Glibc
internal import Jobs
internal import Postgres
internal import Workflows

/// A run's life as lines of text: its steps, each with a bar to the scale of the whole.
struct RunTimeline {
    private let history: RunHistory
    private let now: PostgresTimestamp
    private let width: Int

    init(_ history: RunHistory, now: PostgresTimestamp, width: Int) {
        self.history = history
        self.now = now
        self.width = width
    }

    /// As many columns as the terminal has; a hundred where there is none.
    static var terminalWidth: Int {
        var size = winsize()
        guard isatty(1) == 1, unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else {
            return 100
        }
        return Int(size.ws_col)
    }

    /// The lines, of at most the given width where names allow it.
    var lines: [String] {
        let run = history.run
        let end = run.finishedAt ?? max(now, history.steps.last?.recordedAt ?? run.createdAt)
        let start = history.beginning
        var head = "run \(run.id)  \(run.workflow)"
        if let version = run.codeVersion { head += " version \(version)" }
        head += "  \(run.state.rawValue)  \(Self.text(end - run.createdAt)), claimed \(run.epoch)×"
        if run.generation > 0 { head += ", continued as new \(run.generation)×" }
        var lines = [head, "started \(run.createdAt)" + (run.finishedAt.map { ", ended \($0)" } ?? "")]
        lines.append(cut("input   \(history.input.text)"))
        lines.append("")
        lines += table(history.timeline, from: start, to: end)
        lines += [""] + standing.map(cut)
        return lines
    }

    // MARK: What is drawn

    private func note(_ mark: RunHistory.Mark) -> String {
        if !mark.children.isEmpty {
            let shown = mark.children.prefix(3).map { "run \($0.id) \($0.state.rawValue)" }
            return "→ " + shown.joined(separator: ", ")
                + (mark.children.count > 3 ? " and \(mark.children.count - 3) more" : "")
        }
        if let started = mark.started { return "→ run \(started)" }
        if mark.kind == .error || mark.kind == .retry { return OneLine.shortened(mark.value.text, to: 60) }
        return ""
    }

    private func fill(_ mark: RunHistory.Mark) -> Character {
        if mark.kind == nil { return "◆" }
        return mark.kind == .wait ? "░" : mark.isFailure ? "▒" : "█"
    }

    // MARK: How it is drawn

    private func table(
        _ marks: [RunHistory.Mark],
        from start: PostgresTimestamp,
        to end: PostgresTimestamp
    ) -> [String] {
        guard !marks.isEmpty else { return ["nothing is recorded yet"] }
        let names = min(36, max(4, marks.map(\.label.count).max() ?? 4))
        let fixed = names + 2 + 11 + 2 + 8 + 2 + 8 + 2
        let bar = max(10, width - fixed - 2)
        var lines = [
            Self.padded("STEP", names) + "  " + Self.padded("KIND", 11) + "  " + Self.flush("AT", 8) + "  "
                + Self.flush("TOOK", 8) + "  " + Self.padded("", bar)
        ]
        lines[0] = Self.trimmed(lines[0])
        var epoch = marks.first { $0.epoch != nil }?.epoch
        var isTriedAgain = false
        for mark in marks {
            if let own = mark.epoch {
                // A wait is recorded under the claim that found it over.
                if let before = epoch, own > before, mark.kind != .wait, !isTriedAgain {
                    lines.append("~ claimed again: epoch \(before) → \(own)")
                }
                epoch = own
                isTriedAgain = mark.kind == .retry
            }
            let took = mark.since.map { Self.text(mark.at - $0) } ?? ""
            let line =
                Self.padded(OneLine.shortened(mark.label, to: names), names) + "  "
                + Self.padded(mark.kind?.rawValue ?? "event", 11)
                + "  " + Self.flush("+" + Self.text(mark.at - start), 8) + "  " + Self.flush(took, 8) + "  "
                + drawn(mark, from: start, to: end, in: bar)
            lines.append(Self.trimmed(line))
            let note = note(mark)
            if !note.isEmpty { lines.append(cut("  " + note)) }
        }
        return lines
    }

    private func drawn(
        _ mark: RunHistory.Mark,
        from start: PostgresTimestamp,
        to end: PostgresTimestamp,
        in bar: Int
    ) -> String {
        let span = Double(max(1, end.microseconds - start.microseconds))
        func column(_ instant: PostgresTimestamp) -> Int {
            let share = Double(instant.microseconds - start.microseconds) / span
            return min(bar - 1, max(0, Int(share * Double(bar))))
        }
        let last = column(mark.at)
        let first = mark.since.map(column) ?? last
        return String(repeating: " ", count: first) + String(repeating: fill(mark), count: last - first + 1)
    }

    /// Where the run stands, in words.
    private var standing: [String] {
        let run = history.run
        let events = run.waitsFor.map { "event \($0)" }
        let timer = run.wakesAt.map { ["until \($0)"] } ?? []
        switch run.state {
        case .scheduled:
            let since =
                run.error.map { "; it failed \(run.failures)×, last with: \(OneLine.joined($0))" } ?? ""
            return ["comes back at \(run.wakesAt?.description ?? "?")\(since)"]
        case .ready: return ["ready in queue \(run.queue)"]
        case .running: return [run.isPaused ? "running; paused at its next commit" : "running"]
        case .waiting: return ["waits for " + (events + timer).joined(separator: " or ")]
        case .paused: return ["paused" + (run.error.map { ": \(OneLine.joined($0))" } ?? "")]
        case .done: return ["returned \(history.output?.text ?? "null")"]
        case .failed, .cancelled:
            return [run.state.rawValue + (run.error.map { ": \(OneLine.joined($0))" } ?? "")]
        }
    }

    private func cut(_ line: String) -> String { OneLine.shortened(line, to: width) }

    /// A duration in at most eight characters.
    static func text(_ duration: Duration) -> String {
        let milliseconds = max(
            0,
            duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        )
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch milliseconds {
        case ..<1000: return "\(milliseconds)ms"
        case ..<60_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100)s"
        case ..<3_600_000: return "\(milliseconds / 60_000)m\(two(milliseconds / 1000 % 60))s"
        case ..<86_400_000: return "\(milliseconds / 3_600_000)h\(two(milliseconds / 60_000 % 60))m"
        default: return "\(milliseconds / 86_400_000)d\(two(milliseconds / 3_600_000 % 24))h"
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func flush(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }
}
