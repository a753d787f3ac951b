package import Postgres

/// The statements by which a worker process says that it lives, and by which its claims come back when it does not.
package enum WorkerStatements {
    package static func register(
        pool: String,
        queues: [String],
        host: String,
        processID: Int32,
        capacity: Int32
    ) -> Query {
        Query(
            "workers_register",
            """
            INSERT INTO workers (pool, queues, host, process_id, capacity, started_at, heartbeat_at)
            VALUES (\(pool), \(queues), \(host), \(processID), \(capacity), clock_timestamp(), clock_timestamp())
            RETURNING id
            """
        )
    }

    /// No row means that the worker was declared dead and its claims given away.
    package static func heartbeat(worker: Int64, running: Int32, draining: Bool) -> Query {
        Query(
            "workers_heartbeat",
            """
            UPDATE workers SET heartbeat_at = clock_timestamp(), running = \(running), draining = \(draining)
            WHERE id = \(worker) RETURNING id
            """
        )
    }

    /// Takes a worker off the list.
    ///
    /// Claims that it could not hand back stay, and are rescued as a dead worker's are.
    package static func deregister(worker: Int64) -> Query {
        Query("workers_deregister", "DELETE FROM workers WHERE id = \(worker)")
    }

    /// Lanes of the queues a worker serves, paused ones left out.
    package static func lanes(of queues: [String]) -> Query {
        Query(
            "queues_lanes",
            """
            SELECT name, first_lane, lanes, side, is_keyed, is_limited,
                (SELECT count(*) FROM workers w WHERE w.queues @> ARRAY[q.name])
            FROM queues q WHERE name = ANY(\(queues)) AND NOT paused ORDER BY name
            """
        )
    }

    /// Hands claimed runs back as they were, without counting an attempt; those that were paused meanwhile park.
    ///
    /// Fenced by epoch.
    package static func release(_ jobs: [ClaimedJob]) -> Query {
        Query(
            "runs_release",
            """
            WITH locked AS MATERIALIZED (
                SELECT j.id FROM jobs j
                JOIN unnest(\(jobs.map(\.id.rawValue)), \(jobs.map(\.epoch))) AS g (id, epoch)
                    ON g.id = j.id AND g.epoch = j.epoch
                WHERE j.state = 'running' ORDER BY j.id FOR NO KEY UPDATE OF j
            ), freed AS (
                UPDATE jobs j SET state = CASE WHEN j.paused THEN 'waiting' ELSE 'ready' END::job_state,
                    worker_id = NULL
                FROM locked l WHERE j.id = l.id
                RETURNING j.id, j.queue, j.rank, j.paused
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT f.rank, f.id, lane_of(q.first_lane, q.lanes, q.side, f.id), true
                FROM freed f JOIN queues q ON q.name = f.queue WHERE NOT f.paused
                ON CONFLICT DO NOTHING
            )
            SELECT count(*) FROM freed
            """
        )
    }

    /// Removes workers whose heartbeat is older than the lease.
    package static func buryDead(leaseSeconds: Double) -> Query {
        Query(
            "workers_bury_dead",
            """
            DELETE FROM workers
            WHERE heartbeat_at < clock_timestamp() - make_interval(secs => \(leaseSeconds)) RETURNING id
            """
        )
    }

    /// Gives back the claims of workers that no longer exist.
    ///
    /// Each counts as a failed attempt, and a job that has killed `maxFailures` workers in a row fails for good.
    /// Claims with a negative owner were given up by a live one, which never heard of them: they count for nothing.
    package static func rescueOrphans(limit: Int, maxFailures: Int16) -> Query {
        Query(
            "claims_rescue_orphans",
            """
            WITH orphans AS MATERIALIZED (
                SELECT worker_id, batch, is_run, job_ids FROM claims c
                WHERE NOT EXISTS (SELECT FROM workers w WHERE w.id = c.worker_id)
                ORDER BY worker_id, batch LIMIT \(Int64(limit)) FOR UPDATE OF c SKIP LOCKED
            ), locked AS MATERIALIZED (
                SELECT j.id, o.worker_id < 0 AS is_free,
                    j.failures + 1 >= \(maxFailures) AND o.worker_id > 0 AS is_over
                FROM jobs j
                JOIN (SELECT worker_id, is_run, unnest(job_ids) AS id FROM orphans) o ON o.id = j.id
                WHERE (NOT o.is_run AND j.state = 'queued')
                    OR (o.is_run AND j.state = 'running' AND j.worker_id = abs(o.worker_id))
                ORDER BY j.id FOR NO KEY UPDATE OF j
            ), gone AS (
                DELETE FROM claims c USING orphans o WHERE c.batch = o.batch
            ), freed AS (
                UPDATE jobs j SET
                    state = CASE WHEN l.is_over THEN 'failed' WHEN j.paused THEN 'waiting'
                        WHEN j.is_run THEN 'ready' ELSE 'queued' END::job_state,
                    failures = CASE WHEN l.is_free THEN j.failures ELSE least(j.failures + 1, 32767) END,
                    error = CASE WHEN l.is_free THEN j.error ELSE 'the worker died while it ran this job' END,
                    worker_id = NULL, paused = j.paused AND NOT l.is_over,
                    finished_at = CASE WHEN l.is_over THEN (SELECT usher_now()) END
                FROM locked l WHERE j.id = l.id
                RETURNING j.id, j.queue, j.rank, j.state, j.is_run, j.name, j.home_queue, j.key_until_end,
                    j.batch_id, j.limit_key
            ), \(fragment: JobStatements.after("freed")), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT coalesce(a.rank, f.rank), f.id, lane_of(q.first_lane, q.lanes, q.side, f.id), f.is_run
                FROM freed f JOIN queues q ON q.name = f.queue
                LEFT JOIN admitted a ON a.queue = f.queue AND a.key = f.limit_key AND a.job_id = f.id
                WHERE f.state NOT IN ('failed', 'waiting')
                ON CONFLICT DO NOTHING
            ), dead AS (
                INSERT INTO dead_letters (job_id, failed_at, name, queue, kind)
                SELECT id, (SELECT usher_now()), name, home_queue, 'crashed' FROM freed WHERE state = 'failed'
                ON CONFLICT DO NOTHING
            ), family AS (
                INSERT INTO orphaned_runs (job_id, reason)
                SELECT id, \(Orphan.crashed.rawValue) FROM freed WHERE state = 'failed' AND is_run ORDER BY id
                ON CONFLICT (job_id) DO UPDATE SET reason = excluded.reason
            ), \(fragment: LimitStatements.freeing("SELECT id FROM freed WHERE state = 'failed'"))
            SELECT (SELECT count(*) FROM orphans), (SELECT count(*) FROM freed),
                ARRAY(SELECT DISTINCT queue FROM freed WHERE state NOT IN ('failed', 'waiting'))
            """
        )
    }
}
