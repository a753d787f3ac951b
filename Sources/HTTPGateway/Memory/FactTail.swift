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
        let deadline = MonotonicTime.now + wait
        var next = position
        while true {
            let final = try await look()
            if final > next {
                let facts = try await log.page(after: next, through: final, onSales: onSales, limit: limit)
                if !facts.isEmpty { return (facts, facts.count == limit ? facts[limit - 1].seq : final) }
                next = final
            }
            guard MonotonicTime.now < deadline, !closed.load(ordering: .relaxed) else { return ([], next) }
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
