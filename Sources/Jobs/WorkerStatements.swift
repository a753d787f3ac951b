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

    package static func deregister(worker: Int64) -> Query {
        Query(
            "workers_deregister",
            """
            WITH claims AS (DELETE FROM claims WHERE worker_id = \(worker))
            DELETE FROM workers WHERE id = \(worker)
            """
        )
    }

    /// Lanes of the queues a worker serves, paused ones left out.
    package static func lanes(of queues: [String]) -> Query {
        Query(
            "queues_lanes",
            "SELECT name, first_lane, lanes FROM queues WHERE name = ANY(\(queues)) AND NOT paused ORDER BY name"
        )
    }

    /// Hands claimed jobs back as they were, without counting an attempt.
    ///
    /// Fenced by epoch.
    package static func release(_ jobs: [ClaimedJob]) -> Query {
        Query(
            "jobs_release",
            """
            WITH locked AS MATERIALIZED (
                SELECT j.id FROM jobs j
                JOIN unnest(\(jobs.map(\.id.rawValue)), \(jobs.map(\.epoch))) AS g (id, epoch)
                    ON g.id = j.id AND g.epoch = j.epoch
                WHERE j.state = 'running' ORDER BY j.id FOR NO KEY UPDATE OF j
            ), freed AS (
                UPDATE jobs j SET state = 'ready', worker_id = NULL FROM locked l WHERE j.id = l.id
                RETURNING j.id, j.queue, j.priority
            ), lined AS (
                INSERT INTO ready (lane, priority, job_id)
                SELECT q.first_lane + (f.id % q.lanes)::integer, f.priority, f.id
                FROM freed f JOIN queues q ON q.name = f.queue
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

    /// Gives back the claims of workers that no longer exist, each counted as a failed attempt, and fails for good
    /// the jobs that have killed `maxFailures` workers in a row.
    package static func rescueOrphans(limit: Int, maxFailures: Int16) -> Query {
        Query(
            "claims_rescue_orphans",
            """
            WITH orphans AS MATERIALIZED (
                SELECT worker_id, batch, job_ids FROM claims c
                WHERE NOT EXISTS (SELECT FROM workers w WHERE w.id = c.worker_id)
                ORDER BY worker_id, batch LIMIT \(Int64(limit)) FOR UPDATE OF c SKIP LOCKED
            ), locked AS MATERIALIZED (
                SELECT j.id FROM jobs j
                JOIN (SELECT worker_id, unnest(job_ids) AS id FROM orphans) o
                    ON o.id = j.id AND o.worker_id = j.worker_id
                WHERE j.state = 'running' ORDER BY j.id FOR NO KEY UPDATE OF j
            ), gone AS (
                DELETE FROM claims c USING orphans o WHERE c.worker_id = o.worker_id AND c.batch = o.batch
            ), freed AS (
                UPDATE jobs j SET
                    state = CASE WHEN j.failures + 1 >= \(maxFailures) THEN 'failed' ELSE 'ready' END::job_state,
                    failures = least(j.failures + 1, 32767),
                    error = 'the worker died while it ran this job',
                    worker_id = NULL,
                    finished_at = CASE WHEN j.failures + 1 >= \(maxFailures) THEN (SELECT usher_now()) END
                FROM locked l WHERE j.id = l.id
                RETURNING j.id, j.queue, j.priority, j.state
            ), lined AS (
                INSERT INTO ready (lane, priority, job_id)
                SELECT q.first_lane + (f.id % q.lanes)::integer, f.priority, f.id
                FROM freed f JOIN queues q ON q.name = f.queue WHERE f.state = 'ready'
                ON CONFLICT DO NOTHING
            ), dead AS (
                INSERT INTO dead_letters (job_id) SELECT id FROM freed WHERE state = 'failed'
                ON CONFLICT DO NOTHING
            )
            SELECT (SELECT count(*) FROM orphans), (SELECT count(*) FROM freed),
                ARRAY(SELECT DISTINCT queue FROM freed WHERE state = 'ready')
            """
        )
    }
}
