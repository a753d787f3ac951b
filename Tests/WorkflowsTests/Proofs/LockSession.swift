import Postgres
import Reactor
import TestSupport

/// A session that takes a step of a transaction when it is allowed to.
final class LockSession: Sendable {
    private struct State {
        var allowed = 0
        var used = 0
        /// Whether it waits to be allowed its next step.
        var isIdle = false
        var isOver = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let client: PostgresClient
    private let pid: Int32
    private let state = Lock(State())

    init(_ database: TestDatabase) async throws {
        let separator = database.url.contains("?") ? "&" : "?"
        var configuration = try PostgresConfiguration(
            url: database.url + separator + "options=-c%20deadlock_timeout%3D20ms"
        )
        configuration.schema = database.schema
        configuration.applicationName = database.schema
        // Of one connection, so that its number is known.
        client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 1))
        pid = try await client.query(Query("test_pid", "SELECT pg_backend_pid()"))[0][0]
    }

    /// Makes it fit for another transaction.
    func reset() { state.withLock { $0 = State() } }

    func close() async { await client.shutdown() }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Works on a transaction, as far as it is allowed to.
    ///
    /// - Returns: what it threw, if it did.
    func work(on transaction: EngineTransaction, _ scene: LockScene) async -> (any Error)? {
        defer { state.withLock { $0.isOver = true } }
        do {
            switch transaction.body {
            case .steps(let steps):
                try await client.withTransaction { tx in
                    for step in steps {
                        await permission()
                        try await step(&tx, scene)
                    }
                    await permission()
                }
            case .call(let body):
                await permission()
                try await body(client, scene)
            }
            return nil
        } catch {
            return error
        }
    }

    /// How many steps the transaction has, with its commit.
    static func count(_ transaction: EngineTransaction) -> Int {
        switch transaction.body {
        case .steps(let steps): steps.count + 1
        case .call: 1
        }
    }

    /// Lets it take its next step, or all that are left.
    func allow(_ steps: Int = 1) {
        let waiter = state.withLock { state in
            state.allowed += steps
            state.isIdle = false
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func permission() async {
        await withCheckedContinuation { continuation in
            let isAllowed = state.withLock { state in
                state.used += 1
                guard state.used > state.allowed else { return true }
                state.isIdle = true
                state.waiter = continuation
                return false
            }
            if isAllowed { continuation.resume() }
        }
    }

    /// Waits until it has nothing to do, or can't because another session has the lock.
    ///
    /// - Returns: whether it waits for a lock.
    func settle(_ postgres: PostgresClient) async throws -> Bool {
        for _ in 0..<20_000 {
            if state.withLock({ $0.isIdle || $0.isOver }) { return false }
            let isBlocked: Bool = try await postgres.query(
                Query(
                    "test_blocked",
                    "SELECT coalesce(wait_event_type = 'Lock', false) FROM pg_stat_activity WHERE pid = \(pid)"
                )
            )[0][0]
            if isBlocked { return true }
        }
        throw NeverHappened(what: "a session takes its step")
    }
}
