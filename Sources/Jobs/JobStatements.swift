package import Postgres

/// The statements that make, claim, end and wake jobs, in files by what they do.
///
/// Each is named; each says which index it uses.
package enum JobStatements {}

// Making jobs.
extension JobStatements {
    /// Inserts jobs, their ready rows and their timers, in the order given.
    ///
    /// Returns one row per job: its id, or null where its key was taken. An unknown queue violates `ready.lane` or
    /// `jobs.home_queue`, which the caller turns into a ``JobsError``.
    package static func enqueue(_ jobs: [NewJob]) -> Query {
        Query(
            "jobs_enqueue",
            """
            WITH given AS MATERIALIZED (
                SELECT nextval('job_ids') AS id, g.*
                FROM unnest(
                    \(jobs.map(\.name)), \(jobs.map(\.queue)), \(jobs.map(\.priority)), \(jobs.map(\.input)),
                    \(jobs.map(\.runAt)), \(jobs.map(\.key)), \(jobs.map { $0.parent?.id.rawValue }),
                    \(jobs.map { $0.parent?.event }), \(jobs.map(\.isRun)), \(jobs.map(\.startBy))
                ) WITH ORDINALITY AS g (
                    name, queue, priority, input, run_at, key, parent_id, parent_event, is_run, start_by, ord
                )
            ), keyed AS (
                INSERT INTO job_keys (key, job_id)
                SELECT DISTINCT ON (key) key, id FROM given WHERE key IS NOT NULL ORDER BY key, ord
                ON CONFLICT (key) DO NOTHING
                RETURNING job_id
            ), accepted AS (
                SELECT g.*, lane_of(q.first_lane, q.lanes, q.side, g.id) AS lane, q.name AS known_queue,
                    rank_of(g.priority, q.ageing_ms, coalesce(g.run_at, (SELECT usher_now()))) AS rank
                FROM given g LEFT JOIN queues q ON q.name = g.queue
                WHERE g.key IS NULL OR g.id IN (SELECT job_id FROM keyed)
            ), made AS (
                INSERT INTO jobs (
                    id, name, home_queue, queue, priority, is_run, state, rank, wake_at, start_by, input, parent_id,
                    parent_event
                )
                SELECT id, name, known_queue, queue, priority, is_run,
                    CASE WHEN run_at IS NOT NULL THEN 'scheduled' WHEN is_run THEN 'ready' ELSE 'queued'
                    END::job_state,
                    rank, run_at, start_by, input, parent_id, parent_event
                FROM accepted
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT rank, id, lane, is_run FROM accepted WHERE run_at IS NULL
            ), timed AS (
                INSERT INTO timers (wake_at, job_id) SELECT run_at, id FROM accepted WHERE run_at IS NOT NULL
            )
            SELECT a.id FROM given g LEFT JOIN accepted a ON a.ord = g.ord ORDER BY g.ord
            """
        )
    }

    /// Inserts jobs that are run at once by whoever inserts them, in the same transaction (eager start).
    package static func enqueueRunning(_ jobs: [NewJob], worker: Int64?) -> Query {
        Query(
            "jobs_enqueue_running",
            """
            WITH given AS MATERIALIZED (
                SELECT nextval('job_ids') AS id, g.*
                FROM unnest(
                    \(jobs.map(\.name)), \(jobs.map(\.queue)), \(jobs.map(\.priority)), \(jobs.map(\.input))
                ) WITH ORDINALITY AS g (name, queue, priority, input, ord)
            ), made AS (
                INSERT INTO jobs
                    (id, name, home_queue, queue, priority, is_run, state, rank, epoch, worker_id, input)
                SELECT g.id, g.name, g.queue, g.queue, g.priority, true, 'running',
                    rank_of(g.priority, q.ageing_ms, (SELECT usher_now())), 1, \(worker), g.input
                FROM given g LEFT JOIN queues q ON q.name = g.queue
            )
            SELECT id FROM given ORDER BY ord
            """
        )
    }

    /// The jobs that hold these keys.
    ///
    /// Primary key of `job_keys`.
    package static func byKeys(_ keys: [String]) -> Query {
        Query("jobs_by_keys", "SELECT key, job_id FROM job_keys WHERE key = ANY(\(keys))")
    }
}
