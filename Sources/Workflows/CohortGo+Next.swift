internal import Jobs
internal import Postgres
internal import Reactor

// Where runs go next.
extension CohortGo {
    /// Where a run goes next; nil while it has effects to run here.
    func next(for run: Run, _ activation: Activation) -> JobOutcome.Next? {
        let job = activation.job
        if let divergence = run.divergence {
            // Nobody waits for the code of a run that is to end.
            if let reason = activation.interruption { return ended(run, reason) }
            return .paused(error: "run \(job.id) (\(job.name)) does not fit its code: \(divergence)")
        }
        if let ending = activation.ending {
            switch ending {
            case .done(let output):
                return .done(output: output)
            case .again where activation.interruption != nil:
                return activation.interruption.map { ended(run, $0) }
            case .again(let input, let delay):
                do {
                    let stored = try engine.registry.payloads.seal(input, .input(of: job.name))
                    return .again(input: stored, at: now + delay)
                } catch {
                    return failure(run, job, error)
                }
            case .failed(let error):
                return failure(run, activation, error)
            }
        }
        let effects = activation.pendingEffects
        if activation.hasEffectsInFlight { return nil }
        // An eager run has no claim to hold while an effect runs: a worker takes it from here.
        if run.isEager, let effect = effects.first { return .ready(queue: effect.queue ?? job.homeQueue) }
        if let foreign = effects.compactMap(\.queue).first(where: { !engine.served.contains($0) }) {
            return .ready(queue: foreign)
        }
        if run.isPausing { return .paused(error: nil) }
        if !effects.isEmpty { return nil }
        if let waits = activation.waits {
            // It wakes to hear that it has taken too long.
            let deadline = activation.interruption == nil ? run.fence?.deadline : nil
            return .waiting(events: waits.events, until: [waits.until, deadline].compactMap { $0 }.min())
        }
        return failure(
            run,
            job,
            WorkflowError(
                code: .undeclaredWait,
                message:
                    "run \(job.id) (\(job.name)) awaits something other than its context; put it in an effect"
            )
        )
    }

    /// How a run ends that was told to.
    func ended(_ run: Run, _ reason: Interruption) -> JobOutcome.Next {
        guard reason == .timedOut else { return .cancelled }
        let allowed = run.code?.timeout.map { " (\($0.seconds) s)" } ?? ""
        return .failed(error: "the run took longer than it may\(allowed)", kind: .timedOut)
    }

    /// What becomes of a run whose code threw.
    private func failure(_ run: Run, _ activation: Activation, _ error: any Error) -> JobOutcome.Next {
        let job = activation.job
        guard !(error is CompensationFailed), !(error is WorkflowSuspended) else {
            let since = activation.unwinding.map { min(Int(job.failures), $0.failures) } ?? 0
            switch failure(run, job, error, since: since) {
            case .failed(let last, let kind):
                let first = activation.unwinding?.error ?? "unknown"
                return .failed(error: "\(last); the run had failed before: \(first)", kind: kind)
            case let next: return next
            }
        }
        if let reason = activation.interruption, error is WorkflowCancelled || activation.unwinding != nil {
            return ended(run, reason)
        }
        if let undone = activation.unwinding { return .failed(error: undone.error) }
        return failure(run, job, error)
    }

    private func failure(
        _ run: Run,
        _ job: ClaimedJob,
        _ error: any Error,
        since earlier: Int = 0
    ) -> JobOutcome.Next {
        let message = String("\(error)".prefix(4000))
        guard let workflow = run.code else {
            // While a new version rolls out some workers don't know a name that others do.
            let version = run.fence?.codeVersion.map { "@\($0)" } ?? ""
            guard engine.registry.unknownNames.isTemporary(job.name + version) else {
                return .failed(error: message, kind: .unknown)
            }
            return .retry(at: now + UnknownNames.delay, failures: job.failures, error: message)
        }
        let verdict = JobVerdict(of: error)
        guard let again = workflow.retry.next(verdict, failures: Int(job.failures) - earlier) else {
            if case .discard = verdict { return .failed(error: message, kind: .discarded) }
            return .failed(error: message)
        }
        return .retry(
            at: now + again.delay,
            failures: Int16(clamping: again.failures + earlier),
            error: message
        )
    }
}
