internal import Jobs
package import Postgres

/// What caches are to forget, and have forgotten.
package enum PagePurges {
    /// How often a key is purged: an answer that was under way at the first time may have been kept after it.
    static let rounds = 2
    /// From one of these times to the next.
    static let pause = Duration.seconds(1)

    /// A key that is due.
    struct Due: Sendable {
        let key: String
        /// How often it was asked for; whoever asks meanwhile is not settled with it.
        let requests: Int64
    }

    /// How a cache gets on.
    package struct CacheView: Sendable, Equatable {
        package let cache: String
        package let calls: Int64
        package let purged: Int64
        package let failures: Int
        package let problem: String?
        /// Keys that no purge has followed yet.
        package let waiting: Int64
        /// How old the first of these is, in seconds.
        package let lag: Double
    }

    // MARK: Asking

    /// Notes that caches are to forget keys; in a fixed order, so that nobody deadlocks.
    static func ask(for keys: [String], of caches: [String]) -> Query {
        Query(
            "purges.ask",
            """
            INSERT INTO page_purges AS p (cache, key, rounds, due_at, requested_at)
            SELECT c.cache, k.key, \(Int16(rounds)), n.now, n.now
            FROM (SELECT usher_now()) AS n (now), unnest(\(caches)) AS c (cache), unnest(\(keys)) AS k (key)
            ORDER BY c.cache, k.key
            ON CONFLICT (cache, key) DO UPDATE SET requests = p.requests + 1, rounds = excluded.rounds,
                due_at = excluded.due_at,
                requested_at = CASE WHEN p.rounds = excluded.rounds THEN p.requested_at ELSE excluded.requested_at END
            """
        )
    }

    /// Has somebody look at once.
    static func offer(_ caches: [String], in transaction: inout Transaction) async throws {
        let jobs = try caches.sorted().map { try PurgePages.job(for: $0, at: nil) }
        _ = try await JobStore.insert(jobs, in: &transaction)
    }

    // MARK: Purging

    /// Nil when a cache may be asked now; otherwise when.
    static func retry(_ cache: String) -> Query {
        Query(
            "purges.retry",
            "SELECT CASE WHEN retry_at > usher_now() THEN retry_at END FROM page_caches WHERE cache = \(cache)"
        )
    }

    /// Uses `page_purges_due`.
    static func due(_ cache: String, limit: Int) -> Query {
        Query(
            "purges.due",
            """
            SELECT key, requests FROM page_purges
            WHERE cache = \(cache) AND rounds > 0 AND due_at <= usher_now() ORDER BY due_at LIMIT \(limit)
            """
        )
    }

    /// Uses `page_purges_due`.
    static func next(_ cache: String) -> Query {
        Query(
            "purges.next",
            "SELECT due_at FROM page_purges WHERE cache = \(cache) AND rounds > 0 ORDER BY due_at LIMIT 1"
        )
    }

    /// Notes what was purged; what was asked for meanwhile stays as it is.
    static func settle(_ due: [Due], of cache: String) -> [Query] {
        [
            Query(
                "purges.settle",
                """
                WITH mine AS MATERIALIZED (
                    SELECT p.key, d.requests
                    FROM unnest(\(due.map(\.key)), \(due.map(\.requests))) AS d (key, requests)
                        JOIN page_purges AS p ON p.cache = \(cache) AND p.key = d.key
                    ORDER BY p.key FOR UPDATE OF p)
                UPDATE page_purges AS p SET purged_at = usher_now(),
                    rounds = p.rounds - CASE WHEN p.requests = m.requests THEN 1 ELSE 0 END,
                    due_at = CASE WHEN p.requests = m.requests
                        THEN usher_now() + \(pause.milliseconds) * interval '1 millisecond' ELSE p.due_at END
                FROM mine AS m WHERE p.cache = \(cache) AND p.key = m.key
                """
            ),
            Query(
                "purges.took",
                """
                INSERT INTO page_caches AS c (cache, calls, purged, purged_at)
                VALUES (\(cache), 1, \(Int64(due.count)), usher_now())
                ON CONFLICT (cache) DO UPDATE SET calls = c.calls + 1, purged = c.purged + excluded.purged,
                    purged_at = excluded.purged_at, failures = 0, problem = NULL, retry_at = '-infinity'
                """
            ),
        ]
    }

    /// Notes that a cache failed: it is let be for a while, longer each time, up to a minute.
    static func fail(_ cache: String, _ problem: String) -> Query {
        Query(
            "purges.fail",
            """
            INSERT INTO page_caches AS c (cache, failures, problem, retry_at)
            VALUES (\(cache), 1, \(problem), usher_now() + interval '250 milliseconds')
            ON CONFLICT (cache) DO UPDATE SET failures = c.failures + 1, problem = excluded.problem,
                retry_at = usher_now() + least(power(2, least(c.failures, 10)) * interval '250 milliseconds',
                    interval '1 minute')
            RETURNING failures, retry_at
            """
        )
    }

    // MARK: Looking

    /// How every cache gets on that was ever asked for something.
    package static func caches(in postgres: PostgresClient) async throws -> [CacheView] {
        try await postgres.query(caches()).map { row in
            CacheView(
                cache: try row[0],
                calls: try row[1],
                purged: try row[2],
                failures: try row[3],
                problem: try row[4],
                waiting: try row[5],
                lag: try row[6]
            )
        }
    }

    /// Reads what is to be purged, by `page_purges_due`.
    static func caches() -> Query {
        Query(
            "purges.caches",
            """
            SELECT c.cache, c.calls, c.purged, c.failures, c.problem, w.waiting,
                coalesce(greatest(extract(epoch FROM usher_now() - w.first), 0), 0)::float8
            FROM page_caches AS c CROSS JOIN LATERAL (
                SELECT count(*) AS waiting, min(p.requested_at) AS first FROM page_purges AS p
                WHERE p.cache = c.cache AND p.rounds > 1) AS w
            ORDER BY c.cache
            """
        )
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
