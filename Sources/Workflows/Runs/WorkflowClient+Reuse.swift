internal import Jobs
public import Postgres

extension WorkflowClient {
    /// Starts a run under a key, and says what is to happen when another run has it.
    ///
    /// Of any number that start at the same time under one key, one makes the run. A run keeps its key until another
    /// takes it over, or until its row is dropped; one that has lost its key can't be retried while the other lives.
    ///
    /// A run that is replaced while a worker drives it is cancelled as ``cancel(_:deadline:)`` does: it commits no step
    /// any more but those that clean up.
    ///
    /// - Parameters:
    ///   - workflow: what to run.
    ///   - input: what it is given.
    ///   - key: unique in the schema.
    ///   - reuse: what to do when it is taken.
    ///   - instant: not before this; nil is at once.
    /// - Returns: the run that has the key now.
    /// - Throws: ``JobsError`` (`keyTaken` with ``RunReuse/reject``), ``PostgresError``.
    public func start<Code: Workflow>(
        _ workflow: Code.Type,
        _ input: Code.Input,
        key: String,
        reuse: RunReuse,
        at instant: PostgresTimestamp? = nil
    ) async throws -> StartedRun {
        let job = try NewJob.run(workflow, input, runAt: instant, key: key)
        do {
            return try await start(job, key, reuse)
        } catch let error as JobsError where error.code == .unknownQueue {
            // The type names its queue, so it is no slip of the pen: nobody has worked on it yet.
            try await store.ensureQueue(Code.queue)
            return try await start(job, key, reuse)
        }
    }

    /// Starts a run under a key in the caller's transaction; see ``start(_:_:key:reuse:at:)``.
    ///
    /// It may lock the row of the run that has the key, so call it before you touch any other.
    ///
    /// - Throws: ``JobsError`` (`unknownQueue`, `keyTaken` with ``RunReuse/reject``), ``PostgresError``.
    public func start<Code: Workflow>(
        _ workflow: Code.Type,
        _ input: Code.Input,
        key: String,
        reuse: RunReuse,
        at instant: PostgresTimestamp? = nil,
        in transaction: inout Transaction
    ) async throws -> StartedRun {
        let job = try NewJob.run(workflow, input, runAt: instant, key: key)
        return try await start(job, key, reuse, in: &transaction).run
    }

    private func start(_ job: NewJob, _ key: String, _ reuse: RunReuse) async throws -> StartedRun {
        let (run, woken) = try await store.postgres.withTransaction { tx in
            try await start(job, key, reuse, in: &tx)
        }
        store.wake(run.outcome == .found || job.runAt != nil ? woken : woken.union([job.queue]))
        return run
    }

    private func start(
        _ job: NewJob,
        _ key: String,
        _ reuse: RunReuse,
        in tx: inout Transaction
    ) async throws -> (run: StartedRun, woken: Set<String>) {
        var replaced: JobID?
        var woken: Set<String> = []
        for _ in 0..<100 {
            let offer = try await offer(job, in: &tx)
            guard offer.isDuplicate else {
                let outcome = replaced.map(StartedRun.Outcome.replaced) ?? .started
                return (StartedRun(id: offer.id, outcome: outcome), woken)
            }
            if reuse == .find { return (StartedRun(id: offer.id, outcome: .found), woken) }
            if reuse == .reject {
                throw JobsError(
                    code: .keyTaken,
                    message:
                        "run \(offer.id) has the key \"\(key)\" already; a start that rejects duplicates was refused"
                )
            }
            // Its row is locked before the key is, as the engine does when a run ends.
            let (state, queues) = try await store.takeKey(key, from: offer.id, in: &tx) { state in
                switch reuse {
                case .afterEnd: state.isTerminal ? .take : .leave
                case .afterFailure: [.failed, .cancelled].contains(state) ? .take : .leave
                case .replace: state.isTerminal ? .take : .cancel
                case .find, .reject: .leave
                }
            }
            woken.formUnion(queues)
            switch state {
            case .left: return (StartedRun(id: offer.id, outcome: .found), woken)
            case .taken: replaced = offer.id
            case .gone: continue
            }
        }
        throw JobsError(
            code: .contention,
            message: "the key \"\(key)\" changed hands a hundred times while it was asked for; try again"
        )
    }

    /// Offers a job, and keeps no lock if its key is taken.
    ///
    /// An insert that meets a key locks it, and whoever has the row of that key's run may be waiting for it.
    private func offer(_ job: NewJob, in tx: inout Transaction) async throws -> Enqueued {
        struct Taken: Error { let offer: Enqueued }
        do {
            return try await tx.savepoint { tx in
                let offer = try await store.offer([job], in: &tx)[0]
                if offer.isDuplicate { throw Taken(offer: offer) }
                return offer
            }
        } catch let taken as Taken {
            return taken.offer
        }
    }
}
