internal import Reactor

/// What a worker process of a bench tells its parent, a line each.
///
/// The machine's monotonic clock is the same in all its processes, so instants can be compared.
enum BenchReport: Sendable, Equatable {
    /// It is connected and waits for the start.
    case ready
    /// The ends of so many jobs were durable at the instant.
    case settled(Int, at: MonotonicTime)
    /// How late the jobs began in the time before the instant.
    case latencies(LatencyHistogram, at: MonotonicTime)

    private static let mark = "bench"

    var line: String {
        switch self {
        case .ready: "\(Self.mark) ready"
        case .settled(let count, let instant): "\(Self.mark) settled \(count) \(instant.nanoseconds)"
        case .latencies(let histogram, let instant):
            "\(Self.mark) latencies \(histogram.word) \(instant.nanoseconds)"
        }
    }

    /// Reads a line; nil when it says something else.
    init?(line: String) {
        let words = line.split(separator: " ")
        guard words.count >= 2, words[0] == Self.mark else { return nil }
        if words[1] == "ready", words.count == 2 {
            self = .ready
            return
        }
        guard words.count == 4, let nanoseconds = UInt64(words[3]) else { return nil }
        let instant = MonotonicTime(nanoseconds: nanoseconds)
        switch words[1] {
        case "settled":
            guard let count = Int(words[2]) else { return nil }
            self = .settled(count, at: instant)
        case "latencies":
            guard let histogram = LatencyHistogram(word: words[2]) else { return nil }
            self = .latencies(histogram, at: instant)
        default: return nil
        }
    }
}
