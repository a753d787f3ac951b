package import Postgres
internal import Reactor

// What parents are told of their children, and what becomes of children whose parents end.
extension JobStore {
    /// Tells parents, whose rows are locked, how their children ended.
    ///
    /// - Returns: the queues that got work by it.
    package static func tell(
        _ ends: [ChildEnd],
        in transaction: inout Transaction
    ) async throws -> Set<String> {
        guard !ends.isEmpty else { return [] }
        return Set(try await transaction.query(JobStatements.tell(ends)).map { try $0[0] as String })
    }

    /// Cancels some of the runs that were left by their parents, or that their parents want to end.
    ///
    /// Those have children of their own; theirs are noted in the same commit, and come next.
    ///
    /// - Returns: how many were seen to; zero when nothing is left.
    /// - Throws: ``PostgresError``.
    package func sweepOrphans(limit: Int = 500) async throws -> Int {
        var families: [String: [JobID]] = [:]
        let rows = try await postgres.query(JobStatements.orphans(limit: limit))
        for row in rows { families[try row[1], default: []].append(JobID(rawValue: try row[0])) }
        for (reason, ids) in families.sorted(by: { $0.key < $1.key }) {
            let (asks, woken) = try await postgres.withTransaction { tx in
                let answer: (ended: [(JobID, String)], woken: Set<String>) =
                    reason == Orphan.crashed.rawValue
                    ? ([], try await Self.mourn(ids, in: &tx))
                    : try await Self.cancel(ids, within: .seconds(30), reason, in: &tx)
                _ = try await tx.execute(JobStatements.forgetOrphans(ids))
                return (answer.ended.contains { $0.1 == "asked" }, answer.woken)
            }
            wake(asks ? woken.union([ReadyNotifier.cancellations]) : woken)
        }
        return rows.count
    }

    /// Does for runs that died with their workers what their own last commits would have done.
    private static func mourn(_ ids: [JobID], in tx: inout Transaction) async throws -> Set<String> {
        let parents = try await tx.query(JobStatements.parents(of: ids)).map {
            JobID(rawValue: try $0[0])
        }
        _ = try await tx.query(JobStatements.lock(Set(ids + parents).sorted()))
        var ends: [ChildEnd] = []
        var ended: [JobID] = []
        // Who was redriven meanwhile is not among them.
        for row in try await tx.query(JobStatements.crashed(ids)) {
            let id = JobID(rawValue: try row[0])
            ended.append(id)
            guard let parent: Int64 = try row[1], let event: String = try row[2] else { continue }
            ends.append(
                try ChildEnd(
                    of: id,
                    to: (JobID(rawValue: parent), event),
                    kind: try row[3],
                    error: try row[4]
                )
            )
        }
        _ = try await tx.execute(JobStatements.orphan(childrenOf: ended))
        return try await tell(ends, in: &tx)
    }
}
