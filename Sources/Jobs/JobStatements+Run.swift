package import Postgres

// The fence of runs, and how their goes end.
extension JobStatements {
    /// Locks run rows in id order and tells which are still this claim's, and what has been asked of them.
    ///
    /// See ``RunFence``. Primary key of `jobs`.
    package static func lock(_ ids: [JobID]) -> Query {
        Query(
            "jobs_lock",
            """
            SELECT id, epoch, state::text, cancel_requested, (SELECT usher_now()), paused, code_version, run_until,
                cleans_up, created_at
            FROM jobs WHERE id = ANY(\(ids.map(\.rawValue))) ORDER BY id FOR NO KEY UPDATE
            """
        )
    }

    /// Notes that runs have code to run when they are cancelled.
    ///
    /// The caller holds the rows' locks. Primary key of `jobs`.
    package static func cleanUp(_ ids: [JobID]) -> Query {
        Query("runs_clean_up", "UPDATE jobs SET cleans_up = true WHERE id = ANY(\(ids.map(\.rawValue)))")
    }

    /// Writes how each go at a run ended: state, fence, ready rows, timers, dead letters.
    ///
    /// Primary key of `jobs`.
    ///
    /// The caller holds the rows' locks and has checked their epochs. A run that somebody paused meanwhile is not lined
    /// up again; one that is to come back later stays paused, and parks when its time has come.
    package static func finish(_ outcomes: [JobOutcome]) -> Query {
        let rows = outcomes.map(FinishRow.init)
        return Query(
            "jobs_finish",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    \(rows.map(\.id)), \(rows.map(\.state)), \(rows.map(\.queue)), \(rows.map(\.wakeAt)),
                    \(rows.map(\.waitingFor)), \(rows.map(\.failures)), \(rows.map(\.output)),
                    \(rows.map(\.error)), \(rows.map(\.input)), \(rows.map(\.kind)), \(rows.map(\.isPaused)),
                    \(rows.map(\.cleansUp)), \(rows.map(\.transition?.function)), \(rows.map(\.transition?.argument))
                ) AS g (
                    id, state, queue, wake_at, waiting_for, failures, output, error, input, kind, paused, cleans_up,
                    transition, transition_input
                )
            ), moved AS (
                UPDATE jobs j SET
                    state = CASE WHEN j.paused AND g.state = 'ready' THEN 'waiting' ELSE g.state END::job_state,
                    queue = coalesce(g.queue, j.home_queue),
                    worker_id = NULL,
                    wake_at = g.wake_at,
                    waiting_for = string_to_array(g.waiting_for, \(FinishRow.separator)),
                    failures = g.failures,
                    output = g.output,
                    error = g.error,
                    paused = g.paused OR (j.paused AND g.state IN ('ready', 'scheduled')),
                    cleans_up = g.cleans_up,
                    transition = g.transition,
                    transition_input = g.transition_input,
                    input = coalesce(g.input, j.input),
                    generation = j.generation + CASE WHEN g.input IS NULL THEN 0 ELSE 1 END,
                    finished_at = CASE WHEN g.state IN ('done', 'failed', 'cancelled')
                        THEN (SELECT usher_now()) END
                FROM given g WHERE j.id = g.id
                RETURNING j.id, j.state, j.queue, j.rank, j.wake_at, j.name, j.home_queue, j.key_until_end, j.batch_id,
                    g.kind, CASE WHEN j.state = 'waiting' THEN g.transition END AS transition
            ), \(fragment: after("moved")), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT m.rank, m.id, lane_of(q.first_lane, q.lanes, q.side, m.id), true
                FROM moved m LEFT JOIN queues q ON q.name = m.queue WHERE m.state = 'ready'
                ON CONFLICT DO NOTHING
            ), timed AS (
                INSERT INTO timers (wake_at, job_id)
                SELECT wake_at, id FROM moved WHERE wake_at IS NOT NULL AND transition IS NULL
                ON CONFLICT DO NOTHING
            ), expiring AS (
                INSERT INTO transition_timers (function, wake_at, job_id)
                SELECT transition, wake_at, id FROM moved WHERE transition IS NOT NULL
                ON CONFLICT DO NOTHING
            ), dead AS (
                INSERT INTO dead_letters (job_id, failed_at, name, queue, kind)
                SELECT id, (SELECT usher_now()), name, home_queue, kind FROM moved WHERE state = 'failed'
                ON CONFLICT DO NOTHING
            )
            SELECT count(*) FROM moved
            """
        )
    }

    /// Wakes the runs that wait for one of the events named in a part of the statement, and gives them ready rows.
    ///
    /// The parts are `woken` and `lined`; the caller has locked the runs' rows.
    static func waking(_ news: SQL) -> SQL {
        """
        woken AS (
            UPDATE jobs j SET state = 'ready', queue = j.home_queue, wake_at = NULL, waiting_for = NULL,
                transition = NULL, transition_input = NULL
            WHERE j.id IN (SELECT job_id FROM \(fragment: news)) AND j.state = 'waiting'
                AND j.waiting_for && ARRAY(SELECT n.name FROM \(fragment: news) n WHERE n.job_id = j.id)
            RETURNING j.id, j.queue, j.rank
        ), lined AS (
            INSERT INTO ready (rank, job_id, lane, is_run)
            SELECT w.rank, w.id, lane_of(q.first_lane, q.lanes, q.side, w.id), true
            FROM woken w JOIN queues q ON q.name = w.queue
            ON CONFLICT DO NOTHING
        )
        """
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
            ), \(fragment: waking("recorded"))
            SELECT g.job_id, g.name, r.job_id IS NOT NULL, j.state::text, w.queue
            FROM given g
            LEFT JOIN recorded r ON r.job_id = g.job_id AND r.name = g.name
            LEFT JOIN jobs j ON j.id = g.job_id
            LEFT JOIN woken w ON w.id = g.job_id
            ORDER BY g.ord
            """
        )
    }

    /// Ends runs that nobody drives, wakes those that have code to clean up, and asks the driven ones to end.
    ///
    /// The caller holds the rows' locks. With `force` all end, and their epoch keeps whoever drives them from writing.
    /// The reason is kept as the error of those that end.
    package static func cancel(_ ids: [JobID], force: Bool = false, reason: String? = nil) -> Query {
        Query(
            "runs_cancel",
            """
            WITH moved AS (
                UPDATE jobs SET
                    state = CASE WHEN \(force) THEN 'cancelled' WHEN state = 'running' THEN 'running'
                        WHEN cleans_up THEN 'ready' ELSE 'cancelled' END::job_state,
                    queue = CASE WHEN state = 'running' OR \(force) OR NOT cleans_up THEN queue ELSE home_queue END,
                    wake_at = CASE WHEN cleans_up THEN NULL ELSE wake_at END,
                    waiting_for = CASE WHEN cleans_up THEN NULL ELSE waiting_for END,
                    paused = false,
                    epoch = epoch + CASE WHEN state = 'running' AND \(force) THEN 1 ELSE 0 END,
                    cancel_requested = true,
                    error = CASE WHEN \(force) OR (state <> 'running' AND NOT cleans_up)
                        THEN coalesce(\(reason), error) ELSE error END,
                    finished_at = CASE WHEN \(force) OR (state <> 'running' AND NOT cleans_up)
                        THEN (SELECT usher_now()) END
                WHERE id = ANY(\(ids.map(\.rawValue))) AND state NOT IN ('done', 'failed', 'cancelled')
                RETURNING id, state, parent_id, parent_event, key_until_start, key_until_end, batch_id, queue, rank
            ), waiting AS (
                SELECT id, state, coalesce(key_until_end, key_until_start) AS key_until_end, batch_id FROM moved
            ), \(fragment: after("waiting")), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT m.rank, m.id, lane_of(q.first_lane, q.lanes, q.side, m.id), true
                FROM moved m JOIN queues q ON q.name = m.queue WHERE m.state = 'ready'
                ON CONFLICT DO NOTHING
            )
            SELECT id, state::text, parent_id, parent_event, queue FROM moved
            """
        )
    }
}

/// One ``JobOutcome`` as the columns of the statement that writes it.
struct FinishRow {
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
    var kind: String?
    var isPaused = false
    let cleansUp: Bool
    let transition: RunTransition?

    init(_ outcome: JobOutcome) {
        id = outcome.id.rawValue
        cleansUp = outcome.cleansUp
        transition = outcome.transition
        switch outcome.next {
        case .done(let output):
            state = "done"
            self.output = output
        case .failed(let error, let kind):
            state = "failed"
            self.error = error
            self.kind = kind.rawValue
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
        case .paused(let error):
            state = "waiting"
            isPaused = true
            self.error = error
        case .again(let input, let at):
            state = "scheduled"
            wakeAt = at
            self.input = input
        }
    }
}
