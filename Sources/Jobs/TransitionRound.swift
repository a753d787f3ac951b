package import Postgres

/// Ends parked runs by functions of SQL when their time has come: many with one call, and no code of theirs is driven.
///
/// Each part is a transaction of its own: lock the runs, call the function, write their ends. If it fails, it is
/// tried again by halves, and a run that fails alone is handed to its code, which calls the function again in the
/// cohort's transaction and there has its workflow's retries, compensations and dead letters.
package struct TransitionRound: Sendable {
    /// What came of one function's turn.
    package struct Outcome: Sendable, Hashable {
        /// Runs that the function has ended.
        package internal(set) var ended = 0
        /// Runs that were handed to their code, because the function turned them down or failed.
        package internal(set) var handedOver = 0
        /// Queues that have got work.
        package internal(set) var woken: Set<String> = []
        /// Why a part of the runs was handed over, if the function failed.
        package internal(set) var failure: String?
        /// Whether there may be more to do at once.
        package internal(set) var hasMore = false
        /// Runs that nobody else held.
        var seen = 0

        mutating func add(_ other: Self) {
            ended += other.ended
            handedOver += other.handedOver
            woken.formUnion(other.woken)
            failure = failure ?? other.failure
            seen += other.seen
        }
    }

    let postgres: PostgresClient
    /// Runs in one call at most.
    let batch: Int
    /// Calls under way at a time, each on a connection of its own.
    let lanes: Int
    /// How long a statement of a part may take, and how long it may wait for a lock.
    ///
    /// What waits longer is handed to its code, so that one stuck row holds up nobody else for long.
    let options: TransactionOptions
    /// Calls that may fail in one turn, before what is left of the part is handed over without a further try.
    let patience = 64

    package init(
        postgres: PostgresClient,
        batch: Int = 1000,
        lanes: Int = 1,
        lockTimeout: Duration = .milliseconds(500),
        statementTimeout: Duration = .seconds(30)
    ) {
        self.postgres = postgres
        self.batch = batch
        self.lanes = lanes
        options = TransactionOptions(lockTimeout: lockTimeout, statementTimeout: statementTimeout)
    }

    /// The functions that have runs to end.
    package func due() async throws -> [String] {
        try await postgres.query(JobStatements.transitionsDue()).map { try $0[0] }
    }

    /// Ends what is due of one function, a batch of it in each lane.
    ///
    /// - Throws: ``PostgresError`` when the connection is lost; what a function throws is in the outcome.
    package func fire(_ function: String) async throws -> Outcome {
        let limit = batch * lanes
        let rows = try await postgres.query(JobStatements.expiring(by: function, limit: limit))
        let due = try rows.map { RunTimer(wakeAt: try $0[0], id: JobID(rawValue: try $0[1])) }
        let parts = stride(from: 0, to: due.count, by: batch).map { due[$0..<min($0 + batch, due.count)] }
        var outcome = try await withThrowingTaskGroup(of: Outcome.self) { group in
            for part in parts { group.addTask { try await endOrHandOver(Array(part), by: function) } }
            return try await group.reduce(into: Outcome()) { $0.add($1) }
        }
        // If all that is due is held by somebody, it takes a while.
        outcome.hasMore = due.count == limit && outcome.seen > 0
        return outcome
    }

    /// Ends a part of the runs, by halves while the function fails, and hands over those for which it does.
    private func endOrHandOver(_ due: [RunTimer], by function: String) async throws -> Outcome {
        var outcome = Outcome()
        var parts = [due]
        var failures = 0
        while let part = parts.popLast() {
            do {
                outcome.seen += try await end(part, by: function, &outcome)
            } catch {
                guard Self.isRefusal(error) else { throw error }
                failures += 1
                outcome.failure = outcome.failure ?? "\(RunTransition.explained(error, function))"
                if part.count == 1 || failures >= patience || Self.isHopeless(error) {
                    outcome.seen += try await handOver(part, by: function, &outcome)
                } else {
                    parts.append(Array(part[(part.count / 2)...]))
                    parts.append(Array(part[..<(part.count / 2)]))
                }
            }
        }
        return outcome
    }

    // MARK: One part

    private struct Expiring: Sendable {
        let id: JobID
        let argument: JSONB
        let queue: String
        let parent: (id: JobID, event: String)?
    }

    private func end(
        _ part: [RunTimer],
        by function: String,
        _ outcome: inout Outcome
    ) async throws -> Int {
        let (runs, outputs, woken) = try await postgres.withTransaction(options) { tx in
            let runs = try await lock(part, by: function, in: &tx)
            guard !runs.isEmpty else { return (runs, [JSONB?](), Set<String>()) }
            let call = try RunTransition.call(function, runs.map { ($0.id, $0.argument) })
            let rows = try await tx.query(call)
            let outputs = try RunTransition.outputs(of: rows, from: function, for: runs.map(\.id))
            return (runs, outputs, try await write(runs, outputs, in: &tx))
        }
        note(runs, outputs, woken, &outcome)
        return runs.count
    }

    private func handOver(
        _ part: [RunTimer],
        by function: String,
        _ outcome: inout Outcome
    ) async throws -> Int {
        let runs = try await postgres.withTransaction(options) { tx in
            let runs = try await lock(part, by: function, in: &tx)
            _ = try await write(runs, runs.map { _ in nil }, in: &tx)
            return runs
        }
        note(runs, runs.map { _ in nil }, [], &outcome)
        return runs.count
    }

    private func note(
        _ runs: [Expiring],
        _ outputs: [JSONB?],
        _ woken: Set<String>,
        _ outcome: inout Outcome
    ) {
        outcome.ended += outputs.count { $0 != nil }
        outcome.handedOver += outputs.count { $0 == nil }
        for (run, output) in zip(runs, outputs) where output == nil { outcome.woken.insert(run.queue) }
        outcome.woken.formUnion(woken)
    }

    private func lock(
        _ part: [RunTimer],
        by function: String,
        in tx: inout Transaction
    ) async throws -> [Expiring] {
        try await tx.query(JobStatements.lockExpiring(by: function, part)).map { row in
            var parent: (id: JobID, event: String)?
            if let id: Int64 = try row[3], let event: String = try row[4] {
                parent = (JobID(rawValue: id), event)
            }
            return Expiring(
                id: JobID(rawValue: try row[0]),
                argument: try row[1] ?? JSONB(text: "null"),
                queue: try row[2],
                parent: parent
            )
        }
    }

    /// Writes how the runs end, and tells their parents.
    ///
    /// - Returns: the queues of the parents that wake.
    private func write(
        _ runs: [Expiring],
        _ outputs: [JSONB?],
        in tx: inout Transaction
    ) async throws -> Set<String> {
        let finish = JobStatements.expire(zip(runs, outputs).map { ($0.id, $1) })
        let ended = zip(runs, outputs).filter { $1 != nil }.map(\.0.id)
        let told = zip(runs, outputs).compactMap { run, output in
            output.flatMap { output in run.parent.map { ChildEnd(of: run.id, to: $0, output: output) } }
        }
        let both = [finish, JobStatements.orphan(childrenOf: ended)]
        guard !told.isEmpty else {
            try await tx.commit(after: both)
            return []
        }
        _ = try await tx.pipeline(both)
        return try await JobStore.tell(told, in: &tx)
    }

    // MARK: Errors

    /// Whether the server or we refused what the function did; otherwise nobody can go on.
    private static func isRefusal(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return error is JobsError }
        return error.code == .server && error.sqlState != .adminShutdown
    }

    /// Whether a smaller part would fail as well: there is no such function, or it can't be run at all.
    private static func isHopeless(_ error: any Error) -> Bool {
        (error as? PostgresError)?.sqlState?.classCode == "42"
    }
}
