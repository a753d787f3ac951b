package import Postgres

/// What operators see of the engine: queues, jobs and workers, each row as JSON.
///
/// No statement counts a table: depths are what Postgres itself keeps of each leaf, which lags by about a second and
/// is exact once vacuum has been there; what is held is read from the few open claims; what is blocked or dead is
/// counted up to 10,000 and estimated beyond.
package enum EngineView {
    /// A queue and what is in it.
    package struct QueueRow: Codable, Sendable {
        package let name: String
        package let lanes: Int
        package let paused: Bool
        /// About how many can be claimed now.
        package let ready: Int
        /// How many workers hold.
        package let held: Int
        /// How many wait for their keys.
        package let blocked: Int
        package let blocked_is_estimate: Bool
        /// Seconds since the first in line was enqueued; nil when nobody waits.
        package let oldest_seconds: Double?
        /// Plain jobs that ended well in the last minute.
        package let done_last_minute: Int
        /// Jobs and runs that failed for good in the last minute; up to 10,000 are counted.
        package let failed_last_minute: Int
        package let dead_letters: Int
        package let dead_letters_is_estimate: Bool
    }

    /// A job in a list.
    package struct JobRow: Codable, Sendable {
        package let id: Int64
        package let name: String
        package let queue: String
        package let state: String
        package let priority: Int
        package let failures: Int
        package let created_at: String
        package let wake_at: String?
        package let finished_at: String?
        package let error: String?
    }

    /// A worker process.
    package struct WorkerRow: Codable, Sendable {
        package let id: Int64
        package let pool: String
        package let host: String
        package let process_id: Int
        package let queues: [String]
        package let running: Int
        package let capacity: Int
        package let draining: Bool
        package let started_at: String
        /// Since it last said that it lives.
        package let silent_seconds: Double
    }

    /// Which jobs to list.
    package struct JobFilter: Sendable {
        package var state: String?
        package var queue: String?
        package var name: String?
        /// Only smaller numbers: the next page.
        package var before: Int64?
        package var limit = 50

        package init() {}
    }

    /// All queues, by name.
    ///
    /// Head of each leaf, open `claims`, a minute of `closures`, and up to 10,000 of `blocked` and `dead_letters`.
    package static func queues() -> Query {
        Query(
            "view_queues",
            """
            SELECT to_jsonb(v) FROM (
                SELECT q.name, q.lanes, q.paused,
                    (SELECT sum(pg_stat_get_live_tuples(format('%I', 'ready_' || leaf)::regclass))::bigint
                        FROM generate_series(q.first_lane, q.first_lane + 2 * q.lanes - 1) AS leaf) AS ready,
                    (SELECT coalesce(sum(cardinality(c.job_ids)), 0) FROM claims c WHERE c.queue = q.name) AS held,
                    b.number AS blocked, b.is_estimate AS blocked_is_estimate,
                    (SELECT round(extract(epoch FROM (SELECT usher_now()) - min(j.created_at)), 3)
                        FROM generate_series(q.first_lane, q.first_lane + 2 * q.lanes - 1) AS leaf
                        CROSS JOIN LATERAL (
                            SELECT r.job_id FROM ready r WHERE r.lane = leaf ORDER BY r.rank, r.job_id LIMIT 1
                        ) AS head
                        JOIN jobs j ON j.id = head.job_id) AS oldest_seconds,
                    (SELECT coalesce(sum(cardinality(c.job_ids)), 0) FROM closures c
                        WHERE c.closed_at > (SELECT usher_now()) - interval '1 minute' AND c.queue = q.name
                    ) AS done_last_minute,
                    (SELECT count(*) FROM (
                        SELECT FROM dead_letters f
                        WHERE f.failed_at > (SELECT usher_now()) - interval '1 minute' AND f.queue = q.name LIMIT 10000
                    ) AS f) AS failed_last_minute,
                    d.number AS dead_letters, d.is_estimate AS dead_letters_is_estimate
                FROM queues q, count_of_queue('blocked', q.name) AS b, count_of_queue('dead_letters', q.name) AS d
                ORDER BY q.name
            ) AS v
            """
        )
    }

    /// All workers on the list.
    package static func workers() -> Query {
        Query(
            "view_workers",
            """
            SELECT to_jsonb(v) FROM (
                SELECT id, pool, host, process_id, queues, running, capacity, draining, started_at,
                    round(extract(epoch FROM clock_timestamp() - heartbeat_at), 3) AS silent_seconds
                FROM workers ORDER BY pool, id
            ) AS v
            """
        )
    }

    /// Jobs, newest first; ready ones in the order they are claimed in, failed ones by when they did.
    ///
    /// Ready, running and failed jobs are found where they are; others by walking `jobs` back from the newest.
    package static func jobs(_ filter: JobFilter) -> Query {
        var conditions: [SQL] = ["true"]
        if let queue = filter.queue { conditions.append("j.queue = \(queue)") }
        if let name = filter.name { conditions.append("j.name = \(name)") }
        if let before = filter.before { conditions.append("j.id < \(before)") }
        let source: SQL
        let order: SQL
        switch filter.state {
        case "ready":
            let lanes: SQL =
                if let queue = filter.queue {
                    """
                    WHERE r.lane >= (SELECT first_lane FROM queues WHERE name = \(queue))
                        AND r.lane < (SELECT first_lane + 2 * lanes FROM queues WHERE name = \(queue))
                    """
                } else {
                    ""
                }
            source =
                "(SELECT r.rank AS place, r.job_id FROM ready r \(fragment: lanes)) f JOIN jobs j ON j.id = f.job_id"
            order = "f.place, j.id"
            conditions.append("j.state IN ('queued', 'ready')")
        case "running":
            // Each is looked up: to sort them all by number the planner would go through `jobs`.
            source = """
                (SELECT unnest(c.job_ids) AS job_id FROM claims c) f
                CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = f.job_id OFFSET 0) j
                """
            order = "j.id DESC"
            conditions.append("j.state IN ('queued', 'running')")
        case "failed":
            source = """
                (\(fragment: dead(filter))) f CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = f.job_id OFFSET 0) j
                """
            order = "f.failed_at DESC, j.id DESC"
        case let state:
            source = "jobs j"
            order = "j.id DESC"
            if let state {
                conditions.append("standing(j.id, j.state, j.queue, j.rank) = \(state)")
            }
        }
        return Query(
            "view_jobs",
            """
            SELECT to_jsonb(v), v.id FROM (
                SELECT s.id, s.name, s.queue, s.state, s.priority, s.failures, s.created_at, s.wake_at,
                    coalesce(s.finished_at,
                        CASE WHEN s.is_queued AND s.state = 'done' THEN closed_at(s.id, s.created_at) END) AS finished_at,
                    s.error
                FROM (
                    SELECT j.id, j.name, j.queue, j.state = 'queued' AS is_queued, j.priority, j.failures, j.created_at,
                        j.wake_at, j.finished_at, j.error, standing(j.id, j.state, j.queue, j.rank) AS state
                    FROM \(fragment: source)
                    WHERE \(fragment: .joined(conditions, separator: " AND "))
                    ORDER BY \(fragment: order) LIMIT \(Int64(filter.limit))
                ) AS s
            ) AS v
            """
        )
    }

    /// The latest dead letters that a list begins with.
    private static func dead(_ filter: JobFilter) -> SQL {
        var conditions: [SQL] = ["true"]
        if let queue = filter.queue { conditions.append("d.queue = \(queue)") }
        if let name = filter.name { conditions.append("d.name = \(name)") }
        if let before = filter.before { conditions.append("d.job_id < \(before)") }
        return """
            SELECT d.job_id, d.failed_at FROM dead_letters d
            WHERE \(fragment: .joined(conditions, separator: " AND "))
            ORDER BY d.failed_at DESC, d.job_id DESC LIMIT \(Int64(filter.limit))
            """
    }

    /// Everything that is known of one job, its steps and its own log included.
    ///
    /// Primary keys of `jobs`, `checkpoints`, `events`, `job_progress` and `job_logs`.
    package static func job(_ id: JobID) -> Query {
        Query(
            "view_job",
            """
            SELECT to_jsonb(v) || jsonb_build_object(
                'progress', (SELECT to_jsonb(p) - 'job_id' FROM job_progress p WHERE p.job_id = v.id),
                'dead_letter', (SELECT to_jsonb(d) - 'job_id' FROM dead_letters d WHERE d.job_id = v.id),
                'steps', (SELECT jsonb_agg(jsonb_build_object('key', c.key, 'recorded_at', c.recorded_at,
                        'value', c.value) ORDER BY c.recorded_at, c.key)
                    FROM checkpoints c WHERE c.job_id = v.id AND c.generation = v.generation),
                'events', (SELECT jsonb_agg(to_jsonb(e) - 'job_id' ORDER BY e.recorded_at)
                    FROM events e WHERE e.job_id = v.id),
                'log', (SELECT jsonb_agg(to_jsonb(l) - 'job_id' ORDER BY l.ordinal) FROM (
                    SELECT * FROM job_logs WHERE job_id = v.id ORDER BY ordinal DESC LIMIT 100) AS l)
            )
            FROM (
                SELECT s.*, CASE WHEN s.state = 'queued' AND s.standing = 'done' THEN closed_at(s.id, s.created_at) END
                    AS closed_at
                FROM (
                    SELECT j.*, standing(j.id, j.state, j.queue, j.rank) AS standing FROM jobs j
                    WHERE j.id = \(id.rawValue) OFFSET 0
                ) AS s
            ) AS v
            """
        )
    }

    /// What has ended since an instant, oldest first, and the instant to go on from.
    ///
    /// Primary key of `closures`, `dead_letters_by_age`; no more of either than jobs are wanted.
    package static func ended(since instant: PostgresTimestamp?, limit: Int) -> Query {
        Query(
            "view_ended",
            """
            SELECT to_jsonb(v), v.at FROM (
                SELECT e.at, e.state, j.id, j.name, j.queue, round(extract(epoch FROM e.at - j.created_at), 3) AS seconds,
                    e.reason
                FROM (
                    SELECT c.closed_at AS at, unnest(c.job_ids) AS job_id, 'done' AS state, NULL AS reason
                    FROM (
                        SELECT closed_at, job_ids FROM closures
                        WHERE closed_at > coalesce(\(instant), (SELECT usher_now()))
                        ORDER BY closed_at, batch LIMIT \(Int64(limit))
                    ) AS c
                    UNION ALL (
                        SELECT d.failed_at, d.job_id, 'failed', d.kind FROM dead_letters d
                        WHERE d.failed_at > coalesce(\(instant), (SELECT usher_now()))
                        ORDER BY d.failed_at, d.job_id LIMIT \(Int64(limit))
                    )
                ) AS e
                CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = e.job_id OFFSET 0) AS j
                ORDER BY e.at, j.id LIMIT \(Int64(limit))
            ) AS v
            """
        )
    }
}
