package import Postgres

// Waking by the clock.
extension JobStatements {
    /// Makes jobs ready whose time has come.
    ///
    /// Primary keys of `timers` and `jobs`.
    ///
    /// Job rows that someone holds are left for the next round with their timers: waiting for them here while they
    /// insert the same timer would deadlock. Paused runs stay parked, and runs that are to end by a function have timers
    /// of their own. Returns timers seen, timers removed and jobs woken.
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
                UPDATE jobs j SET queue = j.home_queue,
                    state = CASE WHEN j.paused THEN 'waiting' WHEN j.is_run THEN 'ready' ELSE 'queued' END::job_state,
                    wake_at = CASE WHEN j.paused THEN NULL ELSE j.wake_at END
                FROM locked l, due d
                WHERE j.id = l.id AND d.job_id = l.id AND d.wake_at = l.wake_at
                    AND l.state IN ('scheduled', 'waiting')
                RETURNING j.id, j.queue, j.rank, j.is_run, j.limit_key, j.priority, j.paused
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT w.rank, w.id, lane_of(q.first_lane, q.lanes, q.side, w.id), w.is_run
                FROM woken w JOIN queues q ON q.name = w.queue WHERE w.limit_key IS NULL AND NOT w.paused
                ON CONFLICT DO NOTHING
            ), \(fragment: LimitStatements.blocking("woken"))
            SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM gone),
                ARRAY(SELECT DISTINCT queue FROM woken)
            """
        )
    }

    /// Removes overdue timers whose jobs no longer exist, which nothing else would.
    ///
    /// Primary keys of `timers` and `jobs`.
    ///
    /// Each job is looked up, because the planner would make of a NOT EXISTS one pass through all of `jobs`.
    package static func dropOrphanTimers() -> Query {
        Query(
            "timers_drop_orphans",
            """
            DELETE FROM timers t
            WHERE t.wake_at < (SELECT usher_now()) - interval '1 minute'
                AND (SELECT j.id FROM jobs j WHERE j.id = t.job_id) IS NULL
            """
        )
    }
}
