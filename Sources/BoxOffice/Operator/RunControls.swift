package import Jobs
internal import Postgres
package import Workflows

/// What operators do with a run or a job; who did it is recorded in the same commit.
package struct RunControls: Sendable {
    /// What can be done with one.
    package enum Action: String, Sendable, Hashable, CaseIterable {
        /// Has a dead letter done after all, or one that waits for its time at once.
        case retry
        /// Ends it; one that runs is asked to first.
        case cancel
        /// Has a run stand still.
        case pause
        /// Lets a run go on that stood still.
        case resume
    }

    /// Why one stays as it is.
    package enum Refusal: Error, Sendable, Hashable {
        /// There is none of that number.
        case unknown
        /// It is in a state that does not allow it.
        case wrongState(String)
        /// Another has its unique key by now.
        case keyTaken(String)
        /// A run can't be forked there.
        case notForkable(String)
    }

    /// How long a running one may take to end by itself.
    static let deadline = Duration.seconds(30)

    private let workflows: WorkflowClient

    package init(workflows: WorkflowClient) { self.workflows = workflows }

    /// Does something with one.
    ///
    /// - Returns: where it stands now.
    /// - Throws: ``Refusal``, `PostgresError`.
    package func apply(_ action: Action, to id: JobID, by holder: APIKeys.Holder) async throws -> JobRecord {
        let store = workflows.store
        let queues: Set<String>?
        do {
            queues = try await store.postgres.withTransaction { tx -> Set<String>? in
                guard let queues = try await Self.act(action, on: id, by: holder, in: &tx) else { return nil }
                try await AuditTrail.append(
                    "run_\(action.rawValue)",
                    byOperator: holder,
                    detail: ["run": .integer(Int(id.rawValue))],
                    in: &tx
                )
                return queues
            }
        } catch let error as JobsError where error.code == .keyTaken {
            throw Refusal.keyTaken(error.message)
        }
        if let queues { store.wake(queues) }
        guard let job = try await store.job(id) else { throw Refusal.unknown }
        guard queues != nil else { throw Refusal.wrongState(job.state.rawValue) }
        return job
    }

    /// Acts on a single one.
    ///
    /// - Returns: the queues to wake after the commit; nil when it does not allow it.
    private static func act(
        _ action: Action,
        on id: JobID,
        by holder: APIKeys.Holder,
        in tx: inout Transaction
    ) async throws -> Set<String>? {
        switch action {
        case .retry:
            let (found, queues) = try await JobStore.redrive(id, in: tx)
            if found { return Set(queues) }
            return try await JobStore.runNow(id, in: tx) ? [] : nil
        case .cancel:
            let (result, queues) = try await JobStore.cancel(
                [id],
                deadline: deadline,
                reason: "cancelled by \(holder.actor)",
                in: &tx
            )
            return result.over.isEmpty ? queues : nil
        case .pause: return try await JobStore.pause([id], in: tx).isEmpty ? nil : []
        case .resume:
            let (resumed, queues) = try await JobStore.resume([id], in: tx)
            return resumed.isEmpty ? nil : queues
        }
    }

    /// Starts a run that goes on from a step of another's history.
    ///
    /// - Returns: the new run.
    /// - Throws: ``Refusal``, `PostgresError`.
    package func fork(_ id: JobID, from step: String, by holder: APIKeys.Holder) async throws -> JobID {
        let store = workflows.store
        let fork: JobID
        let queue: String
        do {
            (fork, queue) = try await store.postgres.withTransaction { tx in
                let (fork, queue) = try await workflows.fork(id, from: step, in: &tx)
                try await AuditTrail.append(
                    "run_fork",
                    byOperator: holder,
                    detail: [
                        "run": .integer(Int(id.rawValue)), "step": .string(step),
                        "fork": .integer(Int(fork.rawValue)),
                    ],
                    in: &tx
                )
                return (fork, queue)
            }
        } catch let refused as ForkRefused {
            guard try await store.job(id) != nil else { throw Refusal.unknown }
            throw Refusal.notForkable(refused.description)
        }
        store.wake([queue])
        return fork
    }
}
