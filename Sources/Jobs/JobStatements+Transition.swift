package import Postgres

// Ending parked runs by functions of SQL when their time comes.
extension JobStatements {
    /// The functions that have runs to end by now.
    ///
    /// Primary key of `transition_timers`, of which one row is read for each function.
    package static func transitionsDue() -> Query {
        Query(
            "transitions_due",
            """
            WITH RECURSIVE names AS (
                (SELECT function FROM transition_timers ORDER BY function LIMIT 1)
                UNION ALL
                SELECT (
                    SELECT t.function FROM transition_timers t WHERE t.function > n.function
                    ORDER BY t.function LIMIT 1
                ) FROM names n WHERE n.function IS NOT NULL
            )
            SELECT n.function FROM names n
            WHERE (
                SELECT t.wake_at FROM transition_timers t WHERE t.function = n.function
                ORDER BY t.wake_at, t.job_id LIMIT 1
            ) <= (SELECT usher_now())
            """
        )
    }

    /// The timers of a function that are due, the oldest first.
    ///
    /// Primary key of `transition_timers`. Nothing is locked.
    package static func expiring(by function: String, limit: Int) -> Query {
        Query(
            "transitions_expiring",
            """
            SELECT wake_at, job_id FROM transition_timers
            WHERE function = \(function) AND wake_at <= (SELECT usher_now())
            ORDER BY wake_at, job_id LIMIT \(Int64(limit))
            """
        )
    }

    /// Locks runs whose time has come, with their parents, and removes their timers and those that have no meaning any
    /// more, because the run has moved on or was dropped.
    ///
    /// Primary keys of `jobs` and `transition_timers`.
    ///
    /// What somebody holds is left for the next round with its timer: a run that is being woken, and a child whose
    /// parent is being driven. Returns the runs that are still parked until just then, in the order of their numbers.
    package static func lockExpiring(by function: String, _ due: [RunTimer]) -> Query {
        Query(
            "transitions_lock",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(\(due.map(\.wakeAt)), \(due.map(\.id.rawValue))) AS g (wake_at, id)
            ), locked AS MATERIALIZED (
                SELECT j.id, j.state, j.paused, j.wake_at, j.transition, j.transition_input, j.home_queue, j.parent_id,
                    j.parent_event
                FROM jobs j
                WHERE j.id = ANY (ARRAY(
                    SELECT id FROM given
                    UNION SELECT j.parent_id FROM given g JOIN jobs j ON j.id = g.id WHERE j.parent_id IS NOT NULL
                ))
                ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED
            ), known AS MATERIALIZED (
                SELECT g.wake_at AS due_at, l.*,
                    l.state = 'waiting' AND NOT l.paused AND l.wake_at = g.wake_at
                        AND l.transition = \(function) AS is_due,
                    l.parent_id IS NULL OR l.parent_id IN (SELECT id FROM locked) AS is_free
                FROM given g JOIN locked l ON l.id = g.id
            ), gone AS (
                DELETE FROM transition_timers t
                WHERE t.function = \(function) AND (t.wake_at, t.job_id) IN (
                    SELECT due_at, id FROM known WHERE is_free OR NOT is_due
                    UNION ALL SELECT g.wake_at, g.id FROM given g
                    WHERE g.id NOT IN (SELECT id FROM locked)
                        AND (SELECT j.id FROM jobs j WHERE j.id = g.id) IS NULL
                )
            )
            SELECT id, transition_input, home_queue, parent_id, parent_event FROM known
            WHERE is_due AND is_free ORDER BY id
            """
        )
    }

    /// Ends runs with the output that a function has made of them; hands those without to their code.
    ///
    /// The caller holds the rows' locks. Primary key of `jobs`.
    package static func expire(_ outputs: [(id: JobID, output: JSONB?)]) -> Query {
        Query(
            "transitions_finish",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(\(outputs.map(\.id.rawValue)), \(outputs.map(\.output))) AS g (id, output)
            ), moved AS (
                UPDATE jobs j SET
                    state = CASE WHEN g.output IS NULL THEN 'ready' ELSE 'done' END::job_state,
                    queue = j.home_queue,
                    wake_at = NULL,
                    waiting_for = NULL,
                    transition = CASE WHEN g.output IS NOT NULL THEN j.transition END,
                    transition_input = NULL,
                    output = g.output,
                    finished_at = CASE WHEN g.output IS NOT NULL THEN (SELECT usher_now()) END
                FROM given g WHERE j.id = g.id
                RETURNING j.id, j.state, j.queue, j.rank, j.key_until_end, j.batch_id
            ), \(fragment: after("moved")), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT m.rank, m.id, lane_of(q.first_lane, q.lanes, q.side, m.id), true
                FROM moved m JOIN queues q ON q.name = m.queue WHERE m.state = 'ready'
                ON CONFLICT DO NOTHING
            )
            SELECT count(*) FROM moved
            """
        )
    }
}

/// When a run's time comes.
package struct RunTimer: Sendable, Hashable {
    package let wakeAt: PostgresTimestamp
    package let id: JobID

    package init(wakeAt: PostgresTimestamp, id: JobID) {
        self.wakeAt = wakeAt
        self.id = id
    }
}
