import Reactor

/// Lets a loop sleep until someone has work for it.
///
/// A signal that comes while it is awake is kept.
final class WakeSignal: Sendable {
    private struct State {
        var raised = false
        var waiter: CheckedContinuation<Void, Never>?
        var number = 0
        var heedsHints = true
    }

    private let state = Lock(State())

    func raise() {
        raise { _ in true }
    }

    /// Raises the signal if the loop heeds hints.
    func hint() {
        raise { $0.heedsHints }
    }

    /// Says whether there is anything to be done about hints.
    func heedHints(_ heeds: Bool) {
        state.withLock { $0.heedsHints = heeds }
    }

    private func raise(if isWanted: (borrowing State) -> Bool) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard isWanted(state) else { return nil }
            state.raised = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Waits for the signal, at most for a time, and takes it down.
    func wait(atMost timeout: Duration) async {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        await withTaskGroup { group in
            group.addTask { [self] in
                await withCheckedContinuation { continuation in
                    let ready = state.withLock { state in
                        if state.raised || state.number != number { return true }
                        state.waiter = continuation
                        return false
                    }
                    if ready { continuation.resume() }
                }
            }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
            let waiter = state.withLock { state in
                state.raised = false
                state.number += 1
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
