internal import Postgres
internal import Reactor

/// What some runs of workflows took and cost.
struct FlowCost: Sendable {
    let seconds: Double
    var usage: ServerUsage
    /// Processor time of the worker processes.
    let clientSeconds: Double
    /// Rows that were inserted, changed or deleted, by table.
    var rows: [String: Int64]
    /// Transactions that were committed in the database, those of the scheduler and of who looks on among them.
    var commits: Int64
}

extension BenchFigure {
    /// Adds what runs of workflows took and cost, and their rate.
    mutating func add(_ cost: FlowCost, of count: Int, steps: Int) {
        runs.add(Double(count) / cost.seconds)
        add("steps_per_s", Double(count * steps) / cost.seconds)
        add(cost.usage, per: count)
        add("client_cpu_us_per_unit", cost.clientSeconds * 1_000_000 / Double(count))
        addWrites(cost, of: count)
        add("commits_per_unit", Double(cost.commits) / Double(count))
    }

    /// Adds the rows that were written, and in which tables: those with a row in twenty units or more.
    mutating func addWrites(_ cost: FlowCost, of count: Int) {
        let perUnit = cost.rows.mapValues { Double($0) / Double(count) }
        add("row_writes_per_unit", perUnit.values.reduce(0, +))
        for (table, rows) in perUnit.sorted(by: { $0.key < $1.key }) where rows >= 0.05 {
            add("row_writes_\(table)", rows)
        }
    }
}

extension BenchSchema {
    /// The server's counts of rows written so far, by table, and of transactions committed.
    ///
    /// Backends report what they did when they end, and when they are idle up to ten seconds later: so all of this
    /// schema's are made to report first.
    func writes() async throws -> (rows: [String: Int64], commits: Int64) {
        try await reportWrites()
        let tables = try await place.admin.query(
            Query(
                "bench_writes",
                """
                SELECT c.relname::text, sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint
                FROM pg_stat_user_tables s
                JOIN pg_class c ON c.oid = coalesce(pg_partition_root(s.relid)::oid, s.relid)
                WHERE s.schemaname = \(name) GROUP BY 1
                """
            )
        )
        var rows: [String: Int64] = [:]
        for table in tables { rows[try table[0]] = try table[1] }
        let commits: Int64 = try await place.admin.query(
            Query(
                "bench_commits",
                "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
            )
        )[0][0]
        return (rows, commits)
    }

    /// Makes every idle connection report what it has done.
    private func reportWrites() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<Self.connections {
                group.addTask {
                    // Each for a moment, so that no connection is asked twice and another not at all.
                    try await postgres.execute(
                        Query("bench_report", "SELECT pg_stat_force_next_flush(), pg_sleep(0.2)")
                    )
                }
            }
            try await group.waitForAll()
        }
    }
}
