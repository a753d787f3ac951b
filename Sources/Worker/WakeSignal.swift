import Reactor

/// Lets a loop sleep until someone has work for it.
///
/// A signal that comes while it is awake is kept.
final class WakeSignal: Sendable {
    private struct State {
        var raised = false
        var waiter: CheckedContinuation<Void, Never>?
        var number = 0
        var wantsRoom = true
    }

    private let state = Lock(State())

    func raise() {
        raise { _ in true }
    }

    /// Raises the signal if the loop waits for room.
    func madeRoom() {
        raise { $0.wantsRoom }
    }

    /// Says whether the loop waits for room, or for something else.
    func wantsRoom(_ wanted: Bool) {
        state.withLock { $0.wantsRoom = wanted }
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
    ///
    /// - Parameters:
    ///   - timeout: how long to wait.
    ///   - loop: keeps the time.
    func wait(atMost timeout: Duration, on loop: EventLoop) async {
        await withCheckedContinuation { continuation in
            let number: Int? = state.withLock { state in
                guard !state.raised else { return nil }
                state.number += 1
                state.waiter = continuation
                return state.number
            }
            guard let number else { return continuation.resume() }
            loop.execute { [self] in
                _ = loop.schedule(after: timeout) { [self] in expire(number) }
            }
        }
        state.withLock { $0.raised = false }
    }

    /// Ends a wait, unless it is over.
    private func expire(_ number: Int) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.number == number else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
