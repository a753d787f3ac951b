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

    /// By hand, because the job does nothing, and reading its input by `Codable` would be most of what it costs.
    static func decode(_ json: JSONB) throws -> Input {
        // As the server writes it: {"n": 5, "due": 1234567}.
        var numbers: [2 of UInt64] = [0, 0]
        var count = 0
        var isInNumber = false
        for byte in json.bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                isInNumber = false
                continue
            }
            if !isInNumber {
                count += 1
                guard count <= 2 else { break }
                isInNumber = true
            }
            numbers[count - 1] = numbers[count - 1] &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
        }
        guard count > 0 else { throw Failure("a bench's job has no number: \(json.text)") }
        return Input(n: Int(truncatingIfNeeded: numbers[0]), due: count > 1 ? numbers[1] : nil)
    }

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
