package import Postgres
internal import Reactor

/// What became of a wish to cancel.
public struct Cancellation: Sendable, Hashable {
    /// Ended at once; their code will not run again.
    public internal(set) var cancelled: [JobID] = []
    /// Running: their workers were asked, and end them by the deadline.
    public internal(set) var asked: [JobID] = []
    /// Had ended before, or are not there at all.
    public internal(set) var over: [JobID] = []
}

extension JobStore {
    /// Cancels jobs and runs.
    ///
    /// Scheduled and ready ones end at once, and are never claimed; a parked run that has code to clean up is woken for
    /// it. The task of a running one is cancelled by its worker, at
    /// once if that hears the notification, within a heartbeat otherwise; at the deadline the job ends whatever its
    /// code does, and what that returns later changes nothing.
    ///
    /// - Parameters:
    ///   - ids: jobs and runs.
    ///   - deadline: how long running ones may take; zero ends them now.
    ///   - reason: kept as the error of what is cancelled.
    /// - Returns: what became of each.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func cancel(
        _ ids: [JobID],
        deadline: Duration = .seconds(30),
        reason: String = "cancelled by request"
    ) async throws -> Cancellation {
        var result = Cancellation()
        let sorted = Set(ids).sorted()
        var woken: Set<String> = []
        for start in stride(from: 0, to: sorted.count, by: 500) {
            let part = Array(sorted[start..<min(start + 500, sorted.count)])
            let (cancelled, queues) = try await postgres.withTransaction { tx in
                try await Self.cancel(part, deadline: deadline, reason: reason, in: &tx)
            }
            woken.formUnion(queues)
            result.cancelled += cancelled.cancelled
            result.asked += cancelled.asked
            result.over += cancelled.over
        }
        wake(woken)
        return result
    }

    /// Cancels jobs and runs, some hundreds of them, in the caller's transaction.
    ///
    /// - Returns: what became of each, and the queues to wake after the commit.
    package static func cancel(
        _ ids: [JobID],
        deadline: Duration,
        reason: String,
        in tx: inout Transaction
    ) async throws -> (result: Cancellation, queues: Set<String>) {
        var result = Cancellation()
        let (ended, queues) = try await cancel(ids, within: deadline, reason, in: &tx)
        var woken = queues
        for (id, answer) in ended {
            switch answer {
            case "cancelled": result.cancelled.append(id)
            case "asked": result.asked.append(id)
            default: result.over.append(id)
            }
        }
        if !result.asked.isEmpty || deadline <= .zero { woken.insert(ReadyNotifier.cancellations) }
        return (result, woken)
    }

    /// Cancels one job or run; see ``cancel(_:deadline:reason:)``.
    ///
    /// - Returns: whether there was one to cancel.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func cancel(
        _ id: JobID,
        deadline: Duration = .seconds(30),
        reason: String = "cancelled by request"
    ) async throws -> Bool {
        try await cancel([id], deadline: deadline, reason: reason).over.isEmpty
    }

    static func cancel(
        _ ids: [JobID],
        within deadline: Duration,
        _ reason: String,
        in tx: inout Transaction
    ) async throws -> (ended: [(JobID, String)], woken: Set<String>) {
        let rows = try await tx.query(
            Query(
                "jobs_to_cancel",
                "SELECT id, is_run, parent_id FROM jobs WHERE id = ANY(\(ids.map(\.rawValue))) ORDER BY id"
            )
        )
        var runs: [JobID] = []
        var parents: [JobID] = []
        var plain: [JobID] = []
        for row in rows {
            let id = JobID(rawValue: try row[0])
            guard try row[1] else {
                plain.append(id)
                continue
            }
            runs.append(id)
            if let parent: Int64 = try row[2] { parents.append(JobID(rawValue: parent)) }
        }
        var answers: [JobID: String] = [:]
        var woken: Set<String> = []
        if !runs.isEmpty {
            // In a statement of its own, so that the next sees what was committed while this waited.
            _ = try await tx.query(JobStatements.lock(Set(runs + parents).sorted()))
            let (ended, queues) = try await end(runs, force: deadline <= .zero, reason, in: &tx)
            woken = queues
            let asked = runs.filter { ended[$0].map { $0 != JobState.cancelled.rawValue } ?? false }
            for id in runs { answers[id] = ended[id] }
            for id in asked { answers[id] = "asked" }
            if !asked.isEmpty {
                _ = try await tx.execute(JobStatements.ask(asked, within: deadline, reason))
            }
        }
        if !plain.isEmpty {
            for (id, answer) in try await cancelPlain(
                JobStatements.cancelPlain(plain, within: deadline, reason),
                in: &tx
            ) {
                answers[id] = answer
            }
        }
        return (ids.map { ($0, answers[$0] ?? "unknown") }, woken)
    }

    private static func cancelPlain(
        _ statement: Query,
        in tx: inout Transaction
    ) async throws -> [(JobID, String)] {
        let answers = try await tx.query(statement).map { (JobID(rawValue: try $0[0]), try $0[1] as String) }
        let ended = answers.filter { $0.1 == "cancelled" }.map(\.0)
        if !ended.isEmpty { _ = try await tx.query(JobStatements.afterCancelling(ended)) }
        return answers
    }

    /// Ends runs whose rows are locked, tells their parents, and notes the children they leave.
    private static func end(
        _ runs: [JobID],
        force: Bool,
        _ reason: String? = nil,
        in tx: inout Transaction
    ) async throws -> (states: [JobID: String], woken: Set<String>) {
        var states: [JobID: String] = [:]
        var told: [ChildEnd] = []
        var woken: Set<String> = []
        var ended: [JobID] = []
        for row in try await tx.query(JobStatements.cancel(runs, force: force, reason: reason)) {
            let id = JobID(rawValue: try row[0])
            let state: String = try row[1]
            states[id] = state
            if state == JobState.ready.rawValue { woken.insert(try row[4]) }
            guard state == JobState.cancelled.rawValue else { continue }
            ended.append(id)
            guard let parent: Int64 = try row[2], let event: String = try row[3] else { continue }
            told.append(
                try ChildEnd(
                    of: id,
                    to: (JobID(rawValue: parent), event),
                    kind: ChildEnd.cancelled,
                    error: reason ?? "cancelled"
                )
            )
        }
        if !ended.isEmpty { _ = try await tx.execute(JobStatements.orphan(childrenOf: ended)) }
        woken.formUnion(try await tell(told, in: &tx))
        return (states, woken)
    }

    /// Looks again at what was asked to end: ends what is past its deadline, or came back to its lane meanwhile, and
    /// forgets what is over.
    ///
    /// - Returns: how many jobs are still being asked.
    package func sweepCancellations() async throws -> Int {
        let rows = try await postgres.query(JobStatements.cancellationsToSweep())
        guard !rows.isEmpty else { return 0 }
        var again: [JobID] = []
        var overdue: [JobID] = []
        for row in rows {
            let id = JobID(rawValue: try row[0])
            let isRun: Bool = try row[1]
            if !isRun { again.append(id) } else if try row[2] { overdue.append(id) }
        }
        if !again.isEmpty {
            _ = try await postgres.withTransaction { [again] tx in
                try await Self.cancelPlain(JobStatements.cancelAgain(again), in: &tx)
            }
        }
        if !overdue.isEmpty {
            let woken = try await postgres.withTransaction { [overdue] tx in
                let parents = try await tx.query(JobStatements.parents(of: overdue)).map {
                    JobID(rawValue: try $0[0])
                }
                _ = try await tx.query(JobStatements.lock(Set(overdue + parents).sorted()))
                return try await Self.end(overdue, force: true, in: &tx).woken
            }
            wake(woken)
        }
        let left: Int64 = try await postgres.query(JobStatements.forgetCancellations())[0][0]
        return Int(left)
    }
}
