package import Postgres

/// The statements that make, claim, end and wake jobs.
///
/// Each is named; each says which index it uses.
package enum JobStatements {
    // MARK: Making

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
                    \(jobs.map { $0.parent?.event })
                ) WITH ORDINALITY AS g (name, queue, priority, input, run_at, key, parent_id, parent_event, ord)
            ), keyed AS (
                INSERT INTO job_keys (key, job_id)
                SELECT DISTINCT ON (key) key, id FROM given WHERE key IS NOT NULL ORDER BY key, ord
                ON CONFLICT (key) DO NOTHING
                RETURNING job_id
            ), accepted AS (
                SELECT g.*, q.first_lane + (g.id % q.lanes)::integer AS lane, q.name AS known_queue
                FROM given g LEFT JOIN queues q ON q.name = g.queue
                WHERE g.key IS NULL OR g.id IN (SELECT job_id FROM keyed)
            ), made AS (
                INSERT INTO jobs
                    (id, name, home_queue, queue, priority, state, wake_at, input, parent_id, parent_event)
                SELECT id, name, known_queue, queue, priority,
                    CASE WHEN run_at IS NULL THEN 'ready' ELSE 'scheduled' END::job_state,
                    run_at, input, parent_id, parent_event
                FROM accepted
            ), lined AS (
                INSERT INTO ready (lane, priority, job_id)
                SELECT lane, priority, id FROM accepted WHERE run_at IS NULL
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
                INSERT INTO jobs (id, name, home_queue, queue, priority, state, epoch, worker_id, input)
                SELECT id, name, queue, queue, priority, 'running', 1, \(worker), input FROM given
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

    // MARK: Claiming

    /// Takes up to `limit` jobs from the head of one lane.
    ///
    /// Primary key of the leaf, then of `jobs`.
    ///
    /// The picked rows are materialised, because a LIMIT subquery that is executed again claims too much. They are
    /// deleted by their place, which their locks keep: by key the planner reads the whole leaf. Jobs that ended while
    /// they were ready lose their ready row here and are not returned.
    package static func claim(lane: Int32, limit: Int, worker: Int64) -> Query {
        let leaf = "ready_\(lane)"
        return Query(
            "jobs_claim",
            """
            WITH picked AS MATERIALIZED (
                SELECT ctid AS place, job_id FROM \(identifier: leaf)
                ORDER BY lane, priority, job_id LIMIT \(Int64(limit)) FOR UPDATE SKIP LOCKED
            ), gone AS (
                DELETE FROM \(identifier: leaf) WHERE ctid = ANY (ARRAY(SELECT place FROM picked))
                RETURNING job_id
            ), locked AS MATERIALIZED (
                SELECT j.id FROM jobs j JOIN gone g ON g.job_id = j.id
                WHERE j.state = 'ready' ORDER BY j.id FOR NO KEY UPDATE OF j
            ), batch AS (
                INSERT INTO claims (worker_id, job_ids)
                SELECT \(worker), array_agg(id) FROM locked HAVING count(*) > 0
                RETURNING batch
            )
            UPDATE jobs j
            SET state = 'running', epoch = j.epoch + 1, worker_id = \(worker), wake_at = NULL, waiting_for = NULL
            FROM locked l WHERE j.id = l.id
            RETURNING j.id, j.name, j.queue, j.home_queue, j.epoch, j.generation, j.failures, j.input,
                j.parent_id, j.parent_event, (SELECT batch FROM batch)
            """
        )
    }

    /// Forgets claimed batches whose jobs have all moved on.
    ///
    /// Primary key of `claims`.
    package static func forget(batches: [Int64], worker: Int64) -> Query {
        Query("claims_forget", "DELETE FROM claims WHERE worker_id = \(worker) AND batch = ANY(\(batches))")
    }

    // MARK: The fence

    /// Locks run rows in id order and tells which are still this claim's.
    ///
    /// Primary key of `jobs`.
    package static func lock(_ ids: [JobID]) -> Query {
        Query(
            "jobs_lock",
            """
            SELECT id, epoch, state::text, cancel_requested, (SELECT usher_now())
            FROM jobs WHERE id = ANY(\(ids.map(\.rawValue))) ORDER BY id FOR NO KEY UPDATE
            """
        )
    }

    // MARK: Ending a go

    /// Writes how each go ended: state, fence, ready rows, timers, dead letters.
    ///
    /// Primary key of `jobs`.
    ///
    /// The caller holds the rows' locks and has checked their epochs.
    package static func finish(_ outcomes: [JobOutcome]) -> Query {
        let rows = outcomes.map(FinishRow.init)
        return Query(
            "jobs_finish",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    \(rows.map(\.id)), \(rows.map(\.state)), \(rows.map(\.queue)), \(rows.map(\.wakeAt)),
                    \(rows.map(\.waitingFor)), \(rows.map(\.failures)), \(rows.map(\.output)),
                    \(rows.map(\.error)), \(rows.map(\.input))
                ) AS g (id, state, queue, wake_at, waiting_for, failures, output, error, input)
            ), moved AS (
                UPDATE jobs j SET
                    state = g.state::job_state,
                    queue = coalesce(g.queue, j.home_queue),
                    worker_id = NULL,
                    wake_at = g.wake_at,
                    waiting_for = string_to_array(g.waiting_for, \(FinishRow.separator)),
                    failures = g.failures,
                    output = g.output,
                    error = g.error,
                    input = coalesce(g.input, j.input),
                    generation = j.generation + CASE WHEN g.input IS NULL THEN 0 ELSE 1 END,
                    finished_at = CASE WHEN g.state IN ('done', 'failed', 'cancelled')
                        THEN (SELECT usher_now()) END
                FROM given g WHERE j.id = g.id
                RETURNING j.id, j.state, j.queue, j.priority, j.wake_at
            ), lined AS (
                INSERT INTO ready (lane, priority, job_id)
                SELECT q.first_lane + (m.id % q.lanes)::integer, m.priority, m.id
                FROM moved m LEFT JOIN queues q ON q.name = m.queue WHERE m.state = 'ready'
                ON CONFLICT DO NOTHING
            ), timed AS (
                INSERT INTO timers (wake_at, job_id)
                SELECT wake_at, id FROM moved WHERE wake_at IS NOT NULL
                ON CONFLICT DO NOTHING
            ), dead AS (
                INSERT INTO dead_letters (job_id) SELECT id FROM moved WHERE state = 'failed'
                ON CONFLICT DO NOTHING
            )
            SELECT count(*) FROM moved
            """
        )
    }

    // MARK: Waking

    /// Makes jobs ready whose time has come.
    ///
    /// Primary keys of `timers` and `jobs`.
    ///
    /// Job rows that someone holds are left for the next round with their timers: waiting for them here while they
    /// insert the same timer would deadlock. Returns timers seen, timers removed and jobs woken.
    package static func promoteDue(limit: Int) -> Query {
        Query(
            "jobs_promote_due",
            """
            WITH due AS MATERIALIZED (
                SELECT wake_at, job_id FROM timers WHERE wake_at <= (SELECT usher_now())
                ORDER BY wake_at, job_id LIMIT \(Int64(limit))
            ), locked AS MATERIALIZED (
                SELECT j.id, j.state, j.wake_at FROM jobs j
                WHERE j.id IN (SELECT job_id FROM due) ORDER BY j.id FOR NO KEY UPDATE OF j SKIP LOCKED
            ), gone AS (
                DELETE FROM timers t USING due d, locked l
                WHERE t.wake_at = d.wake_at AND t.job_id = d.job_id AND l.id = d.job_id
                RETURNING 1
            ), woken AS (
                UPDATE jobs j SET state = 'ready', queue = j.home_queue
                FROM locked l, due d
                WHERE j.id = l.id AND d.job_id = l.id AND d.wake_at = l.wake_at
                    AND l.state IN ('scheduled', 'waiting')
                RETURNING j.id, j.queue, j.priority
            ), lined AS (
                INSERT INTO ready (lane, priority, job_id)
                SELECT q.first_lane + (w.id % q.lanes)::integer, w.priority, w.id
                FROM woken w JOIN queues q ON q.name = w.queue
                ON CONFLICT DO NOTHING
            )
            SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM gone),
                ARRAY(SELECT DISTINCT queue FROM woken)
            """
        )
    }

    /// Removes overdue timers whose jobs no longer exist, which nothing else would.
    ///
    /// Primary key of `timers`.
    package static func dropOrphanTimers() -> Query {
        Query(
            "timers_drop_orphans",
            """
            DELETE FROM timers t
            WHERE t.wake_at < (SELECT usher_now()) - interval '1 minute'
                AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id)
            """
        )
    }

    /// Records events, the first of a name wins, and wakes the runs that wait for them.
    ///
    /// The caller has locked the rows of all `jobs` named here. Primary keys of `events` and `jobs`.
    package static func deliver(_ events: [(to: JobID, name: String, payload: JSONB)]) -> Query {
        Query(
            "events_deliver",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    \(events.map(\.to.rawValue)), \(events.map(\.name)), \(events.map(\.payload))
                ) WITH ORDINALITY AS g (job_id, name, payload, ord)
            ), recorded AS (
                INSERT INTO events (job_id, name, payload)
                SELECT g.job_id, g.name, g.payload FROM given g
                JOIN jobs j ON j.id = g.job_id AND j.state NOT IN ('done', 'failed', 'cancelled')
                ORDER BY g.job_id, g.name
                ON CONFLICT DO NOTHING
                RETURNING job_id, name
            ), woken AS (
                UPDATE jobs j SET state = 'ready', queue = j.home_queue, wake_at = NULL, waiting_for = NULL
                WHERE j.id IN (SELECT job_id FROM recorded) AND j.state = 'waiting'
                    AND j.waiting_for && ARRAY(SELECT r.name FROM recorded r WHERE r.job_id = j.id)
                RETURNING j.id, j.queue, j.priority
            ), lined AS (
                INSERT INTO ready (lane, priority, job_id)
                SELECT q.first_lane + (w.id % q.lanes)::integer, w.priority, w.id
                FROM woken w JOIN queues q ON q.name = w.queue
                ON CONFLICT DO NOTHING
            )
            SELECT g.job_id, g.name, r.job_id IS NOT NULL, j.state::text, w.queue
            FROM given g
            LEFT JOIN recorded r ON r.job_id = g.job_id AND r.name = g.name
            LEFT JOIN jobs j ON j.id = g.job_id
            LEFT JOIN woken w ON w.id = g.job_id
            ORDER BY g.ord
            """
        )
    }

    /// Ends jobs that nobody runs, and asks the running ones to end.
    ///
    /// The caller holds the rows' locks.
    package static func cancel(_ ids: [JobID]) -> Query {
        Query(
            "jobs_cancel",
            """
            UPDATE jobs SET
                state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
                cancel_requested = true,
                finished_at = CASE WHEN state = 'running' THEN NULL ELSE (SELECT usher_now()) END
            WHERE id = ANY(\(ids.map(\.rawValue))) AND state NOT IN ('done', 'failed', 'cancelled')
            RETURNING id, state::text, parent_id, parent_event
            """
        )
    }
}

/// One ``JobOutcome`` as the columns of the statement that writes it.
private struct FinishRow {
    // Names of events are joined by a character that cannot be in them; arrays of ragged arrays do not unnest.
    static let separator = "\u{1F}"

    let id: Int64
    var state: String
    var queue: String?
    var wakeAt: PostgresTimestamp?
    var waitingFor: String?
    var failures: Int16 = 0
    var output: JSONB?
    var error: String?
    var input: JSONB?

    init(_ outcome: JobOutcome) {
        id = outcome.id.rawValue
        switch outcome.next {
        case .done(let output):
            state = "done"
            self.output = output
        case .failed(let error):
            state = "failed"
            self.error = error
        case .cancelled:
            state = "cancelled"
        case .ready(let queue):
            state = "ready"
            self.queue = queue
        case .retry(let at, let failures, let error):
            state = "scheduled"
            wakeAt = at
            self.failures = failures
            self.error = error
        case .waiting(let events, let until):
            state = "waiting"
            wakeAt = until
            waitingFor = events.joined(separator: Self.separator)
        case .again(let input, let at):
            state = "scheduled"
            wakeAt = at
            self.input = input
        }
    }
}
