extension PostgresConnection {
    /// Runs statements as ``send(_:isCancellable:)`` does, and has their plans kept.
    nonisolated func run(
        _ queries: [Query],
        isCancellable: Bool,
        keepingPlansIn log: PlanLog
    ) async throws -> [ResultSet] {
        switch log.source {
        case .client: return try await explain(queries, isCancellable: isCancellable, keepingPlansIn: log)
        case .server:
            log.note(queries)
            return try await send(queries, isCancellable: isCancellable)
        }
    }

    /// Runs statements as ``send(_:isCancellable:)`` does, and each of them once before, under EXPLAIN ANALYZE.
    ///
    /// What the first run did is undone, so that the second finds everything as it was.
    private nonisolated func explain(
        _ queries: [Query],
        isCancellable: Bool,
        keepingPlansIn log: PlanLog
    ) async throws -> [ResultSet] {
        guard queries.contains(where: \.canBeExplained) else {
            return try await send(queries, isCancellable: isCancellable)
        }
        // Outside a transaction these are one of their own, which savepoints can't be had in.
        let isAlone = state == .idle && !isBeginning
        var all = isAlone ? [Query("plans.begin", "BEGIN")] : []
        var plans: [(index: Int, query: Query)] = []
        var wanted: [Int] = []
        for query in queries {
            if query.canBeExplained {
                plans.append((all.count + 1, query))
                all += [
                    Query("plans.mark", "SAVEPOINT plans"), query.explainedAsJSON(),
                    Query("plans.undo", "ROLLBACK TO SAVEPOINT plans"),
                    Query("plans.unmark", "RELEASE SAVEPOINT plans"),
                ]
            }
            wanted.append(all.count)
            all.append(query)
        }
        if isAlone { all.append(Query("plans.commit", "COMMIT")) }
        let results: [ResultSet]
        do {
            results = try await send(all, isCancellable: isCancellable)
        } catch {
            if isAlone, state == .inTransaction {
                _ = try? await send([Query("plans.rollback", "ROLLBACK")], isCancellable: false)
            }
            throw error
        }
        for (index, query) in plans {
            guard let row = results[index].rows(of: query).first else { continue }
            log.keep(PlanLog.Entry(name: "\(query.name)", plan: try row[0]))
        }
        return wanted.map { results[$0] }
    }
}
