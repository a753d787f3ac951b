internal import Reactor
internal import Synchronization
internal import Telemetry

/// Carries out what the ``PoolStateMachine`` decides: makes, hands out and closes connections.
final class ConnectionPool: Sendable {
    private struct Contents {
        var machine: PoolStateMachine
        var connections: [Int: PostgresConnection] = [:]
        var waiters: [UInt64: CheckedContinuation<Lease, any Error>] = [:]
        var timerIsSet = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    /// A connection that one caller has alone until it is released.
    struct Lease: Sendable {
        let id: Int
        let connection: PostgresConnection
    }

    let configuration: PostgresConfiguration
    let loops: EventLoopGroup
    let logger: Logger
    private let contents: Lock<Contents>
    private let lastWaiter = Atomic<UInt64>(0)

    init(configuration: PostgresConfiguration, limits: PoolLimits, loops: EventLoopGroup, logger: Logger) {
        self.configuration = configuration
        self.loops = loops
        self.logger = logger
        contents = Lock(Contents(machine: PoolStateMachine(limits: limits, groups: loops.loops.count)))
    }

    deinit {
        for connection in contents.withLock({ $0.connections.values.map(\.self) }) { connection.close() }
    }

    var statistics: PoolStatistics { contents.withLock { $0.machine.statistics } }

    // MARK: Leases

    /// Waits, in order, for a connection.
    ///
    /// - Throws: ``PostgresError`` with code `poolTimeout`, `connection`, `configuration`, `poolClosed` or
    ///   `cancelled`.
    func lease() async throws -> Lease {
        let group = loops.loops.firstIndex { $0.isCurrent }
        let idle = contents.withLock { contents -> Lease? in
            guard let id = contents.machine.takeIdle(preferring: group) else { return nil }
            return contents.connections[id].map { Lease(id: id, connection: $0) }
        }
        if let idle { return idle }

        let waiter = lastWaiter.wrappingAdd(1, ordering: .relaxed).newValue
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                perform {
                    $0.waiters[waiter] = continuation
                    return $0.machine.acquire(waiter, now: .now)
                }
                // A cancellation that came before the line above found nobody to cancel.
                if Task.isCancelled { perform { $0.machine.cancel(waiter) } }
                setTimer()
            }
        } onCancel: {
            perform { $0.machine.cancel(waiter) }
        }
    }

    func release(_ lease: Lease) {
        let isHealthy = lease.connection.state == .idle
        perform { $0.machine.release(lease.id, isHealthy: isHealthy, now: .now) }
    }

    /// Closes what is too old or was idle for too long.
    func maintain() {
        perform { $0.machine.maintain(now: .now) }
    }

    /// Refuses who waits, and returns when the last connection in use was given back and closed.
    func close() async {
        await withCheckedContinuation { continuation in
            perform {
                $0.closers.append(continuation)
                return $0.machine.close()
            }
        }
    }

    // MARK: Actions

    private func perform(_ event: (inout Contents) -> [PoolStateMachine.Action]) {
        // Continuations and connections are touched outside of the lock.
        var effects: [() -> Void] = []
        contents.withLock { contents in
            for action in event(&contents) {
                switch action {
                case .lease(let id, let waiter):
                    guard let connection = contents.connections[id] else { continue }
                    let continuation = contents.waiters.removeValue(forKey: waiter)
                    effects.append { continuation?.resume(returning: Lease(id: id, connection: connection)) }
                case .refuse(let waiter, let refusal):
                    let continuation = contents.waiters.removeValue(forKey: waiter)
                    let error = error(refusal, contents.machine)
                    effects.append { continuation?.resume(throwing: error) }
                case .connect(let id, let delay):
                    effects.append { self.connect(id, after: delay) }
                case .close(let id):
                    let connection = contents.connections.removeValue(forKey: id)
                    effects.append { connection?.close() }
                case .drained:
                    for closer in contents.closers { effects.append { closer.resume() } }
                    contents.closers = []
                }
            }
        }
        for effect in effects { effect() }
    }

    private func error(_ refusal: PoolStateMachine.Refusal, _ machine: PoolStateMachine) -> PostgresError {
        switch refusal {
        case .timeout(let reason?):
            return PostgresError(
                .connection,
                "no connection to the database in \(machine.limits.acquireTimeout): \(reason)"
            )
        case .timeout(nil):
            let count = machine.statistics.leased
            return PostgresError(
                .poolTimeout,
                "no database connection became free in \(machine.limits.acquireTimeout): \(count) are in use"
            )
        case .unreachable(let reason): return PostgresError(.configuration, reason)
        case .cancelled:
            return PostgresError(.cancelled, "the task was cancelled while it waited for a connection")
        case .closed: return PostgresError(.poolClosed, "the database pool is shut down")
        }
    }

    private func connect(_ id: Int, after delay: Duration) {
        let loop = loops.loops[id % loops.loops.count]
        let connection = PostgresConnection(configuration: configuration, loop: loop) { [weak self] in
            self?.perform {
                $0.connections[id] = nil
                return $0.machine.lost(id, now: .now)
            }
        }
        // A task of its own, because no caller may wait for it: whoever is first in line gets the connection.
        let start: @Sendable () -> Void = {
            Task(executorPreference: loop) {
                do {
                    try await connection.open()
                    self.perform {
                        $0.connections[id] = connection
                        return $0.machine.connected(id, now: .now)
                    }
                } catch {
                    let failure = error as? PostgresError
                    let reason = failure?.message ?? "\(error)"
                    self.logger.debug("can't connect to the database", ["reason": reason])
                    self.perform {
                        $0.machine.connectFailed(
                            id,
                            reason: reason,
                            isHopeless: failure?.code == .configuration,
                            now: .now
                        )
                    }
                }
            }
        }
        if delay == .zero { return start() }
        loop.execute { _ = loop.schedule(after: delay) { start() } }
    }

    /// One timer for the waiter who has waited for longest; the others come later.
    private func setTimer() {
        let deadline = contents.withLock { contents -> MonotonicTime? in
            guard !contents.timerIsSet, let deadline = contents.machine.nextDeadline() else { return nil }
            contents.timerIsSet = true
            return deadline
        }
        guard let deadline else { return }
        let loop = loops.loops[0]
        loop.execute { [weak self] in
            let now = MonotonicTime.now
            _ = loop.schedule(after: deadline > now ? deadline - now : .zero) {
                self?.perform {
                    $0.timerIsSet = false
                    return $0.machine.expireWaiters(now: .now)
                }
                self?.setTimer()
            }
        }
    }
}
