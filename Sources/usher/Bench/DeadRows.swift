internal import Postgres

/// Dead rows that lie about, and how many of them claims stepped over, by the server's statistics.
///
/// The engine's tables are not known by name here: what counts is each table of the schema from which many rows were
/// deleted, which is what claims do.
struct DeadRows: Sendable {
    /// The statistics of one moment.
    struct Reading: Sendable {
        struct Table: Sendable {
            let dead: Int64
            let deleted: Int64
            let scans: Int64
            let entriesRead: Int64
            let rowsFetched: Int64
        }

        var tables: [String: Table] = [:]

        init() {}

        init(_ schema: BenchSchema) async throws {
            let rows = try await schema.place.admin.query(
                Query(
                    "bench_dead_rows",
                    """
                    SELECT t.relname::text, t.n_dead_tup, t.n_tup_del, coalesce(sum(i.idx_scan), 0)::bigint,
                        coalesce(sum(i.idx_tup_read), 0)::bigint, coalesce(sum(i.idx_tup_fetch), 0)::bigint
                    FROM pg_stat_user_tables t LEFT JOIN pg_stat_user_indexes i ON i.relid = t.relid
                    WHERE t.schemaname = \(schema.name)
                    GROUP BY t.relid, t.relname, t.n_dead_tup, t.n_tup_del
                    """
                )
            )
            for row in rows {
                tables[try row[0]] = Table(
                    dead: try row[1],
                    deleted: try row[2],
                    scans: try row[3],
                    entriesRead: try row[4],
                    rowsFetched: try row[5]
                )
            }
        }
    }

    /// In all tables.
    let rows: Double
    /// Index entries that led to no live row, per scan; nil when nothing was scanned.
    let visitedPerScan: Double?

    /// What happened between two readings.
    init(from: Reading, to: Reading) {
        rows = Double(to.tables.values.reduce(0) { $0 + $1.dead })
        let most = to.tables.map { $1.deleted - (from.tables[$0]?.deleted ?? 0) }.max() ?? 0
        var scans: Int64 = 0
        var visited: Int64 = 0
        for (name, table) in to.tables {
            let old = from.tables[name]
            guard most > 0, table.deleted - (old?.deleted ?? 0) >= max(1, most / 10) else { continue }
            scans += table.scans - (old?.scans ?? 0)
            visited +=
                (table.entriesRead - table.rowsFetched) - ((old?.entriesRead ?? 0) - (old?.rowsFetched ?? 0))
        }
        visitedPerScan = scans > 0 ? Double(max(0, visited)) / Double(scans) : nil
    }
}
