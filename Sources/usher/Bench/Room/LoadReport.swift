internal import Reactor

/// What a load process has seen, told in one line.
struct LoadReport: Sendable, Equatable {
    /// From when a request was due to when its answer was read.
    var latencies = LatencyHistogram()
    /// Answers with a status from 200 to 299.
    var successes = 0
    /// Other answers.
    var refusals = 0
    /// Requests whose connection broke.
    var lost = 0
    /// From the first request to the last answer.
    var took = Duration.zero
    /// Processor time of the load process.
    var cpu = Duration.zero

    /// Successes per second.
    var rate: Double { took > .zero ? Double(successes) / took.seconds : 0 }

    private static let mark = "bench load"

    var line: String {
        "\(Self.mark) \(latencies.word) \(successes) \(refusals) \(lost) \(took.nanoseconds) \(cpu.nanoseconds)"
    }

    init() {}

    /// Finds the line in a process' output; nil when there is none.
    init?(output: String) {
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix(Self.mark + " ") }) else {
            return nil
        }
        let words = line.split(separator: " ").dropFirst(2)
        let numbers = words.dropFirst().compactMap { Int64($0) }
        guard words.count == 6, numbers.count == 5, let first = words.first,
            let latencies = LatencyHistogram(word: first)
        else { return nil }
        self.latencies = latencies
        successes = Int(numbers[0])
        refusals = Int(numbers[1])
        lost = Int(numbers[2])
        took = .nanoseconds(numbers[3])
        cpu = .nanoseconds(numbers[4])
    }
}
