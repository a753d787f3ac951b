internal import Reactor

/// Runs that wait for a transaction.
///
/// Whoever commits takes all that have come: that is the group commit.
final class Inbox: Sendable {
    private struct State {
        var runs: [Run] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
        var closed = false
    }

    private let state = Lock(State())

    func put(_ runs: [Run]) {
        let waiter = state.withLock { state in
            state.runs += runs
            return state.waiters.popLast()
        }
        waiter?.resume()
    }

    /// Takes up to `limit` runs, waiting for the first.
    ///
    /// - Returns: the runs; nil once closed and empty.
    func take(upTo limit: Int) async -> [Run]? {
        while true {
            let (taken, closed) = state.withLock { state in
                let taken = Array(state.runs.prefix(limit))
                state.runs.removeFirst(taken.count)
                return (taken, state.closed)
            }
            if !taken.isEmpty { return taken }
            if closed { return nil }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.runs.isEmpty, !state.closed else { return false }
                    state.waiters.append(continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    /// Lets `take` end once nothing is left.
    func close() {
        let waiters = state.withLock { state in
            state.closed = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
