public import Jobs
package import Postgres

/// Why a run can't be forked.
public struct ForkRefused: Error, Sendable, Hashable, CustomStringConvertible {
    /// One line: what, and what would be accepted.
    public let description: String
}

extension WorkflowClient {
    /// Starts a run that goes on from a point in another's history, as if that step had not been done yet.
    ///
    /// It has the same workflow, input and code version, what was recorded before the step, the events that had come by
    /// then, and what was published. It is nobody's child, and has no key; an attribute `forked_from` names its origin,
    /// which goes on undisturbed. What the origin did from that step on is done again, outside, too: effects get other
    /// idempotency keys.
    ///
    /// - Parameters:
    ///   - run: the origin, live or over.
    ///   - step: the key of a step or wait in its history; `name#n` for the n-th use of a name.
    /// - Returns: the new run.
    /// - Throws: ``ForkRefused`` for an unknown run or step, and for a point at which a child of the run was under way or
    ///   the run was being ended; ``PostgresError``.
    public func fork(_ run: JobID, from step: String) async throws -> JobID {
        let (fork, queue) = try await store.postgres.withTransaction { tx in
            try await self.fork(run, from: step, in: &tx)
        }
        store.wake([queue])
        return fork
    }

    /// Forks a run in the caller's transaction.
    ///
    /// - Returns: the new run, and the queue to wake after the commit.
    /// - Throws: as ``fork(_:from:)``.
    package func fork(
        _ run: JobID,
        from step: String,
        in tx: inout Transaction
    ) async throws -> (run: JobID, queue: String) {
        guard let history = try await Self.history(of: run, in: tx) else {
            throw ForkRefused(description: "there is no run \(run)")
        }
        let past = try history.before(step)
        let statement = JobStatements.fork(
            run,
            generation: history.run.generation,
            steps: past.steps,
            events: past.events,
            until: past.instant
        )
        let rows = try await tx.query(statement)
        guard let row = rows.first, try row[2] as Int64 == past.steps.count else {
            throw ForkRefused(description: "run \(run) has continued as new meanwhile; try again")
        }
        let fork = JobID(rawValue: try row[0])
        if payloads.codec != nil {
            try await readdress(fork, of: run, named: history.run.workflow, in: &tx)
        }
        return (fork, try row[1])
    }

    /// Encodes what was copied anew, because a codec may tell one run's payloads from another's.
    private func readdress(
        _ fork: JobID,
        of run: JobID,
        named name: String,
        in tx: inout Transaction
    ) async throws {
        let copies = try await tx.query(WorkflowStatements.copies(of: fork))
        var rows: [(table: Int32, name: String, value: JSONB)] = []
        for copy in copies {
            let (table, key, stored): (Int32, String, JSONB) = (try copy[0], try copy[1], try copy[2])
            func subject(_ id: JobID) -> PayloadSubject {
                switch table {
                case 0: .checkpoint(key, of: name, id)
                case 1: .event(key, of: id)
                default: .value(key, of: id)
                }
            }
            let plain = try payloads.open(stored, subject(run))
            rows.append((table, key, try payloads.encode(plain, subject(fork))))
        }
        if !rows.isEmpty { _ = try await tx.query(WorkflowStatements.readdress(fork, rows)) }
    }
}

extension RunHistory {
    /// What had happened before a step was recorded.
    struct Past {
        let steps: [String]
        let events: [String]
        let instant: PostgresTimestamp
    }

    /// What a fork from a step begins with.
    func before(_ key: String) throws -> Past {
        guard let index = steps.firstIndex(where: { $0.key == key }) else {
            let keys = steps.map { "\"\($0.key)\"" }
            let known =
                keys.isEmpty
                ? "it has recorded nothing since it began"
                : "it has recorded \(keys.prefix(20).joined(separator: ", "))\(keys.count > 20 ? ", …" : "")"
            throw ForkRefused(description: "run \(run.id) has no step \"\(key)\"; \(known)")
        }
        let instant = steps[index].recordedAt
        let earlier = steps[..<index]
        if let end = earlier.first(where: { [.interrupted, .unwinding].contains($0.kind) }) {
            let last = steps.first { $0.key == end.key }?.recordedAt ?? instant
            throw ForkRefused(
                description:
                    "run \(run.id) was being ended when it recorded \"\(key)\"; fork from a step before \(last)"
            )
        }
        let keys = Set(earlier.map(\.key))
        for child in children where child.finishedAt.map({ $0 > instant }) ?? true {
            // Children of one step are told apart by a number in brackets.
            let event = child.parentEvent ?? ""
            guard let start = keys.first(where: { event == $0 || event.hasPrefix($0 + "[") }) else {
                continue
            }
            throw ForkRefused(
                description: """
                    child \(child.id) of run \(run.id) was under way when it recorded "\(key)", and tells no other run of \
                    its end; fork from "\(start)", which starts it, or from a step after its end
                    """
            )
        }
        return Past(
            steps: earlier.map(\.key),
            events: events.filter { $0.recordedAt < instant }.map(\.name),
            instant: instant
        )
    }
}
