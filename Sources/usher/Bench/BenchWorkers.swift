internal import Glibc
internal import Reactor

/// The worker processes of one run, and what they have said so far.
final class BenchWorkers: Sendable {
    private struct State {
        var ready: Set<String> = []
        var settled: [String: Int] = [:]
        var last = MonotonicTime(nanoseconds: 0)
        var latencies: [(histogram: LatencyHistogram, at: MonotonicTime)] = []
        var failure: String?
        var isStopping = false
    }

    /// The longest time without progress before it counts as a failure.
    private static let patience = Duration.seconds(60)

    private let count: Int
    private let supervisor: Supervisor
    private let state: Lock<State>

    /// Starts `count` processes with these words after `usher bench worker`; they end with `home`'s thread.
    init(
        _ count: Int,
        _ words: [String],
        environment: [String: String],
        home: EventLoop,
        note: @escaping @Sendable (String) -> Void
    ) async {
        self.count = count
        let shared = SharedState()
        state = Lock(State())
        supervisor = Supervisor(
            loop: home,
            environment: environment,
            line: { who, line in
                guard let report = BenchReport(line: line) else { return note("[\(who)] \(line)") }
                shared.workers?.hear(report, from: who)
            },
            event: { text in shared.workers?.fail(text, note) }
        )
        shared.workers = self
        await supervisor.want(
            count,
            of: .init(name: "worker", words: ["bench", "worker"] + words, stopStage: 0)
        )
    }

    /// What the supervisor's closures know of us; set before the first process is started.
    private final class SharedState: @unchecked Sendable {
        // Sendable: written once, before anything that reads it is started.
        weak var workers: BenchWorkers?
    }

    private func hear(_ report: BenchReport, from who: String) {
        state.withLock { state in
            switch report {
            case .ready: state.ready.insert(who)
            case .settled(let count, let instant):
                if count > state.settled[who] ?? 0 { state.last = max(state.last, instant) }
                state.settled[who] = count
            case .latencies(let histogram, let instant): state.latencies.append((histogram, instant))
            }
        }
    }

    private func fail(_ text: String, _ note: (String) -> Void) {
        state.withLock { state in
            if !state.isStopping { state.failure = state.failure ?? text }
        }
        note(text)
    }

    // MARK: Waiting

    /// Jobs whose ends are durable, so far.
    var settled: Int { state.withLock { $0.settled.values.reduce(0, +) } }

    /// Returns when every process waits for the start.
    func ready() async throws {
        _ = try await wait("to be ready") {
            $0.ready.count == self.count ? true : nil
        } progress: {
            $0.ready.count
        }
    }

    /// Returns when the ends of so many jobs are durable: the instant at which they were.
    func settled(_ wanted: Int) async throws -> MonotonicTime {
        try await wait("to settle \(wanted) jobs") { state in
            state.settled.values.reduce(0, +) >= wanted ? state.last : nil
        } progress: { state in
            state.settled.values.reduce(0, +)
        }
    }

    private func wait<Value: Sendable>(
        _ what: String,
        until: (borrowing State) -> Value?,
        progress: (borrowing State) -> Int
    ) async throws -> Value {
        var reached = -1
        var deadline = MonotonicTime.now
        while true {
            let (value, now, failure) = state.withLock { (until($0), progress($0), $0.failure) }
            if let failure { throw Failure("a worker of the bench failed: \(failure)") }
            if let value { return value }
            if now != reached {
                reached = now
                deadline = .now + Self.patience
            } else if MonotonicTime.now > deadline {
                throw Failure("the workers had \(Self.patience) \(what) and stopped at \(now)")
            }
            try await Task.sleep(for: .milliseconds(4))
        }
    }

    /// How late jobs began, in the seconds that began after an instant.
    func latencies(from instant: MonotonicTime) -> LatencyHistogram {
        state.withLock { state in
            state.latencies.reduce(into: LatencyHistogram()) { sum, part in
                if part.at >= instant + .seconds(1) { sum.add(part.histogram) }
            }
        }
    }

    /// The seconds of processor time the processes have used.
    func cpuSeconds() async -> Double {
        await supervisor.running().values.compactMap { ProcessTimes.of($0)?.own }.reduce(0, +)
    }

    /// The resident memory of the processes.
    func residentBytes() async -> Int {
        await supervisor.running().values.compactMap(ProcessTimes.residentBytes).reduce(0, +)
    }

    /// Ends the processes, and returns how late their jobs began: one histogram per second and process.
    @discardableResult
    func stop() async -> [(histogram: LatencyHistogram, at: MonotonicTime)] {
        state.withLock { $0.isStopping = true }
        await supervisor.stop()
        return state.withLock { $0.latencies }
    }
}
