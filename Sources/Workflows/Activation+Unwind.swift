internal import Jobs
internal import Postgres
internal import Reactor

// How a run that has failed for good undoes what it did.
extension Activation {
    /// Why and since when the run undoes what it did.
    var unwinding: UnwindRecord? { state.withLock { $0.unwinding } }

    var hasCompensations: Bool { state.withLock { !$0.compensations.isEmpty } }

    func compensate(_ compensation: Compensation) {
        state.withLock { $0.compensations.append(compensation) }
    }

    /// Ends the code that threw: at once if it will be tried again or has nothing to undo.
    func unwind(
        _ error: any Error,
        isFinal: @Sendable (any Error) -> Bool,
        _ context: WorkflowContext
    ) async {
        let compensations = state.withLock { state in
            state.sealed || state.reading.difference != nil ? [] : state.compensations
        }
        let isOver = interruption != nil || unwinding != nil || isFinal(error)
        guard !compensations.isEmpty, isOver, !(error is WorkflowSuspended) else {
            return end(.failed(error))
        }
        if unwinding == nil {
            let undo = UnwindRecord(error: String("\(error)".prefix(2000)), failures: Int(job.failures))
            state.withLock { $0.unwinding = undo }
            if let checkpoint = try? Checkpoint.unwinding(undo) { record(Unwinding.key, checkpoint) }
        }
        state.withLock { state in
            state.isUndoing = true
            state.undoneFrom = state.fresh.count
        }
        do {
            try await commitBeforeUndoing()
            for compensation in compensations.reversed() {
                do {
                    try await compensation.body(context.scoped("undo:\(compensation.name)"))
                } catch let suspended as WorkflowSuspended {
                    throw suspended
                } catch {
                    throw CompensationFailed(name: compensation.name, error: error)
                }
            }
            end(.failed(error))
        } catch {
            end(.failed(error))
        }
    }

    /// Returns once it is committed that the run has failed for good.
    ///
    /// A crash in the midst of the first compensation would otherwise forget it, and what failed might go well then.
    private func commitBeforeUndoing() async throws {
        guard checkpoint(Unwinding.beganKey) == nil else { return }
        let nothing = Ask.Value(json: JSONB(text: "null"), value: true)
        let effect = Ask.Effect(queue: nil, retry: .default, timeout: nil, failures: 0) { _ in nothing }
        _ = try await ask(Unwinding.beganKey, .effect(effect))
    }
}
