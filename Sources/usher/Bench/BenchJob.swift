internal import Jobs
internal import Postgres
internal import Reactor

/// The job of every bench: it does nothing, but it may say how late it began.
struct BenchJob: Job {
    static let name = "bench.noop"
    static let queue = "bench"

    struct Input: Codable, Sendable {
        let n: Int
        /// When it ought to have been enqueued, in nanoseconds of the machine's monotonic clock.
        let due: UInt64?
    }

    let latencies: BenchLatencies

    func perform(_ context: JobContext, _ input: Input) async throws {
        if let due = input.due { latencies.add(MonotonicTime.now - MonotonicTime(nanoseconds: due)) }
    }

    /// A job to enqueue; with an instant, one that says how long after it it began.
    static func new(_ number: Int, due: MonotonicTime? = nil) -> NewJob {
        let instant = due.map { ",\"due\":\($0.nanoseconds)" } ?? ""
        return NewJob(name: name, queue: queue, input: JSONB(text: "{\"n\":\(number)\(instant)}"))
    }
}

/// What the jobs of a worker say of their lateness.
final class BenchLatencies: Sendable {
    private let histogram = Lock(LatencyHistogram())

    func add(_ duration: Duration) {
        histogram.withLock { $0.add(microseconds: duration.microseconds) }
    }

    /// What was added since the last call.
    func take() -> LatencyHistogram {
        histogram.withLock { histogram in
            defer { histogram = LatencyHistogram() }
            return histogram
        }
    }
}
