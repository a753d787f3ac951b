internal import EventLog
internal import Postgres
internal import Reactor
internal import Synchronization

/// The end of the event log, as a gateway knows it: looked at at most ten times a second, whoever waits for it.
actor FactTail {
    private let log: FactLog
    private var horizon = FactHorizon()
    private var lookedAt: MonotonicTime?
    private var looking: Task<Void, any Error>?
    private let closed = Atomic<Bool>(false)

    private static let pause = Duration.milliseconds(100)
    /// How many numbers are looked through in one statement: those of other on-sales are read as well.
    private static let window: Int64 = 100_000
    /// For how long one request may look through numbers; whoever wants to know asks again.
    private static let search = Duration.milliseconds(500)

    init(postgres: PostgresClient) { log = FactLog(postgres: postgres) }

    /// Lets those who wait go.
    nonisolated func close() { closed.store(true, ordering: .relaxed) }

    /// Facts behind a number, at most `limit`; waits for the first of them for so long.
    ///
    /// - Returns: The facts, and the number to go on behind.
    /// - Throws: `PostgresError`, `CancellationError`.
    func read(
        after position: Int64,
        onSales: [Int64]?,
        limit: Int,
        wait: Duration
    ) async throws -> (facts: [Fact], next: Int64) {
        let began = MonotonicTime.now
        // What is before the log's beginning need not be looked through.
        var next = max(position, try await log.start())
        while true {
            let final = try await look()
            let searching = MonotonicTime.now
            while next < final {
                let last = min(final, next + Self.window)
                let facts = try await log.page(after: next, through: last, onSales: onSales, limit: limit)
                if !facts.isEmpty { return (facts, facts.count == limit ? facts[limit - 1].seq : last) }
                next = last
                if MonotonicTime.now - searching > Self.search { return ([], next) }
            }
            guard MonotonicTime.now - began < wait, !closed.load(ordering: .relaxed) else {
                return ([], next)
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// How far the log is final.
    private func look() async throws -> Int64 {
        if let looking {
            try await looking.value
        } else if lookedAt.map({ MonotonicTime.now - $0 >= Self.pause }) ?? true {
            let task = Task { _ = horizon.take(try await log.sample()) }
            looking = task
            defer { looking = nil }
            try await task.value
            lookedAt = .now
        }
        return horizon.final
    }
}
