internal import Reactor

/// Everything a pool decides, with no input, no output and no clock of its own.
///
/// Each event returns the actions that the client then carries out, in order. Connections are numbers; the group
/// of a connection (its event loop) is its number modulo ``groups``.
struct PoolStateMachine {
    /// Why a waiter gets no connection.
    enum Refusal: Equatable {
        /// None became free in time; the last reason for which none could be made, if there is one.
        case timeout(lastFailure: String?)
        /// None can be made, and waiting won't help.
        case unreachable(String)
        case cancelled
        case closed
    }

    enum Action: Equatable {
        case lease(Int, to: UInt64)
        case refuse(UInt64, Refusal)
        case connect(Int, after: Duration)
        case close(Int)
        /// The last connection of a pool that is shutting down is gone.
        case drained
    }

    private enum State {
        case connecting
        case idle(since: MonotonicTime)
        case leased
        /// Lost while leased: closed when it is given back.
        case doomed
    }

    private struct Connection {
        var state: State
        var bornAt: MonotonicTime
    }

    private static let firstBackoff = Duration.milliseconds(50)
    private static let longestBackoff = Duration.seconds(2)

    let limits: PoolLimits
    let groups: Int
    private var connections: [Int: Connection] = [:]
    /// Idle connections; the one used last is at the end, and is used next, so that the others can go idle.
    private var idle: [Int] = []
    private var waiters = PoolWaiterQueue()
    private var connecting = 0
    private var lastID = -1
    private var failures = 0
    private var lastFailure: String?
    private(set) var isClosed = false

    init(limits: PoolLimits, groups: Int = 1) {
        self.limits = limits
        self.groups = groups
    }

    var statistics: PoolStatistics {
        PoolStatistics(
            leased: connections.count - idle.count - connecting,
            idle: idle.count,
            connecting: connecting,
            waiting: waiters.count
        )
    }

    // MARK: Callers

    /// Takes an idle connection, if there is one and nobody waits: the path that allocates nothing.
    mutating func takeIdle(preferring group: Int?) -> Int? {
        guard !isClosed, waiters.isEmpty, let last = idle.last else { return nil }
        var position = idle.count - 1
        if let group, last % groups != group, let better = idle.lastIndex(where: { $0 % groups == group }) {
            position = better
        }
        let id = idle.remove(at: position)
        connections[id]?.state = .leased
        return id
    }

    /// A caller wants a connection and will wait for it.
    mutating func acquire(_ waiter: UInt64, now: MonotonicTime) -> [Action] {
        if isClosed { return [.refuse(waiter, .closed)] }
        if let id = takeIdle(preferring: nil) { return [.lease(id, to: waiter)] }
        waiters.append(.init(id: waiter, deadline: now + limits.acquireTimeout))
        return connectForWaiters(now)
    }

    /// A waiting caller gave up.
    mutating func cancel(_ waiter: UInt64) -> [Action] {
        waiters.remove(waiter) ? [.refuse(waiter, .cancelled)] : []
    }

    /// A caller gives a connection back, healthy or not: whether somebody else can use it.
    mutating func release(_ id: Int, isHealthy: Bool, now: MonotonicTime) -> [Action] {
        guard let connection = connections[id] else { return [] }
        if case .doomed = connection.state { return remove(id, now) }
        let isOld = now - connection.bornAt >= limits.lifetime
        guard isHealthy, !isOld, !isClosed else { return [.close(id)] + remove(id, now) }
        return handOver(id, now)
    }

    // MARK: Connections

    mutating func connected(_ id: Int, now: MonotonicTime) -> [Action] {
        guard connections[id] != nil else { return [.close(id)] }
        connecting -= 1
        failures = 0
        lastFailure = nil
        connections[id] = Connection(state: .leased, bornAt: now)
        guard !isClosed else { return [.close(id)] + remove(id, now) }
        return handOver(id, now) + connectForWaiters(now)
    }

    /// A connection could not be made.
    ///
    /// The reason is what every waiter will be told that waits in vain. When it is hopeless, the server refused us
    /// for good, and waiting is of no use.
    mutating func connectFailed(_ id: Int, reason: String, isHopeless: Bool, now: MonotonicTime) -> [Action] {
        guard connections.removeValue(forKey: id) != nil else { return [] }
        connecting -= 1
        failures += 1
        lastFailure = reason
        if isClosed { return connections.isEmpty ? [.drained] : [] }
        if isHopeless && connections.count == connecting {
            var actions: [Action] = []
            while let waiter = waiters.popFirst() { actions.append(.refuse(waiter.id, .unreachable(reason))) }
            return actions
        }
        return connectForWaiters(now)
    }

    /// A connection was lost.
    mutating func lost(_ id: Int, now: MonotonicTime) -> [Action] {
        switch connections[id]?.state {
        case .idle:
            idle.removeAll { $0 == id }
            return remove(id, now)
        case .leased:
            connections[id]?.state = .doomed
            return []
        case .connecting, .doomed, nil:
            return []
        }
    }

    // MARK: Time

    /// When the next waiter has waited for too long.
    mutating func nextDeadline() -> MonotonicTime? {
        waiters.first()?.deadline
    }

    /// Refuses those who have waited for too long.
    mutating func expireWaiters(now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        while let waiter = waiters.first(), waiter.deadline <= now {
            waiters.remove(waiter.id)
            actions.append(.refuse(waiter.id, .timeout(lastFailure: lastFailure)))
        }
        return actions
    }

    /// Closes connections that are too old or were idle for too long, and keeps the minimum.
    mutating func maintain(now: MonotonicTime) -> [Action] {
        guard !isClosed else { return [] }
        var actions: [Action] = []
        // From the front: there lie those unused for longest.
        for id in idle {
            guard let connection = connections[id], case .idle(let since) = connection.state else { continue }
            let isSpare = connections.count > limits.minimum
            let isOld = now - connection.bornAt >= limits.lifetime
            guard isOld || (isSpare && now - since >= limits.idleTimeout) else { continue }
            idle.removeAll { $0 == id }
            actions.append(.close(id))
            actions += remove(id, now)
        }
        while connections.count < min(limits.minimum, limits.maximum), failures == 0 || connecting == 0 {
            actions.append(connect(now))
        }
        return actions
    }

    // MARK: The end

    /// Refuses all waiters and closes each connection as soon as nobody uses it.
    mutating func close() -> [Action] {
        guard !isClosed else { return connections.isEmpty ? [.drained] : [] }
        isClosed = true
        var actions: [Action] = []
        while let waiter = waiters.popFirst() { actions.append(.refuse(waiter.id, .closed)) }
        for id in idle {
            connections[id] = nil
            actions.append(.close(id))
        }
        idle = []
        if connections.isEmpty { actions.append(.drained) }
        return actions
    }

    // MARK: Inside

    private mutating func handOver(_ id: Int, _ now: MonotonicTime) -> [Action] {
        if let waiter = waiters.popFirst() {
            connections[id]?.state = .leased
            return [.lease(id, to: waiter.id)]
        }
        connections[id]?.state = .idle(since: now)
        idle.append(id)
        return []
    }

    private mutating func remove(_ id: Int, _ now: MonotonicTime) -> [Action] {
        connections[id] = nil
        if isClosed { return connections.isEmpty ? [.drained] : [] }
        return connectForWaiters(now)
    }

    /// One connection on its way for each waiter, within the limit; a single one while the server is not to be had.
    private mutating func connectForWaiters(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        let wanted = failures > 0 ? min(1, waiters.count) : waiters.count
        while connecting < wanted, connections.count < limits.maximum { actions.append(connect(now)) }
        return actions
    }

    private mutating func connect(_ now: MonotonicTime) -> Action {
        lastID += 1
        connections[lastID] = Connection(state: .connecting, bornAt: now)
        connecting += 1
        var backoff = Duration.zero
        if failures > 0 {
            backoff = min(Self.firstBackoff * (1 << min(failures - 1, 6)), Self.longestBackoff)
        }
        return .connect(lastID, after: backoff)
    }
}
