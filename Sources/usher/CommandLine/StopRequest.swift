internal import Reactor

/// The wish that the program end in order, made by a signal and heard by whoever runs.
final class StopRequest: Sendable {
    private struct State {
        var isMade = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    /// Whether the end was asked for.
    var isMade: Bool { state.withLock { $0.isMade } }

    /// Asks for the end; once is enough.
    func make() {
        let waiting = state.withLock { state in
            state.isMade = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the end is asked for.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isMade = state.withLock { state in
                if !state.isMade { state.waiting.append(continuation) }
                return state.isMade
            }
            if isMade { continuation.resume() }
        }
    }
}
