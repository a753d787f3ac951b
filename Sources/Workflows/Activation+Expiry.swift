internal import Jobs
internal import Postgres
internal import Reactor

// How a run ends by a function of SQL when its time has come while it is driven.
extension Activation {
    /// What is to be asked when a deadline came first that ends the run; nil if something else did.
    static func expiry(_ answer: Ask.Answer, of conditions: [WaitCondition]) -> Ask.Kind? {
        guard case .won(let index, _) = answer, let expiry = conditions[index].expiry else { return nil }
        return .expire(expiry.step, wait: index, of: conditions)
    }

    /// Ends the run with the output that the function has made, or lets the code go on if it was turned down.
    func expired(_ ask: Ask, _ wait: Int, _ value: Ask.Value) {
        state.withLock { $0.taken[ask.key] = nil }
        guard let answer = value.value as? TransitionAnswer, let output = answer.output else {
            let passed = Ask.Answer.won(index: wait, payload: JSONB(text: "null"))
            decideWait(ask.key, passed)
            ask.continuation.resume(returning: passed)
            return
        }
        end(.done(JSONB(text: output)))
        // What else is being answered in this transaction gets its answers; nothing is asked any more.
        let cut = state.withLock { state in
            state.endedBy = answer.function
            state.sealed = true
            defer {
                state.asks.removeAll()
                state.inFlight.removeAll()
            }
            return state.asks + state.inFlight.values + [ask]
        }
        for ask in cut { ask.continuation.resume(throwing: WorkflowSuspended()) }
    }

    /// Puts an end off, because the run is to stand still.
    func postpone(_ ask: Ask) {
        guard case .expire(_, _, let conditions) = ask.kind else { return }
        let wait = Ask(key: ask.key, kind: .wait(conditions), continuation: ask.continuation)
        state.withLock { state in
            state.taken[ask.key] = nil
            state.asks.append(wait)
        }
    }

    /// What ends the run while it is parked, or has ended it.
    func transition(for next: JobOutcome.Next) -> RunTransition? {
        switch next {
        case .done: state.withLock { $0.endedBy }.map { RunTransition(function: $0, argument: nil) }
        case .waiting(_, let until): waits.flatMap { $0.until == until ? $0.expiry?.transition : nil }
        case .failed, .cancelled, .ready, .retry, .paused, .again: nil
        }
    }
}
