package import Postgres

// Changing jobs that nobody has started.
extension JobStatements {
    /// Gives jobs that nobody has started another's input, run time and deadline.
    ///
    /// Primary keys of `jobs` and of the leaves. Returns the jobs that were changed.
    ///
    /// A ready row is deleted and made anew even where it stays the same: a claim that has looked already would find
    /// the old row, and run the job with the old input. One that is being claimed this moment is left alone.
    package static func replace(_ jobs: [(id: JobID, by: NewJob)]) -> Query {
        Query(
            "jobs_replace",
            """
            WITH given AS MATERIALIZED (
                SELECT DISTINCT ON (id) * FROM unnest(
                    \(jobs.map(\.id.rawValue)), \(jobs.map(\.by.input)), \(jobs.map(\.by.runAt)),
                    \(jobs.map(\.by.startBy))
                ) WITH ORDINALITY AS g (id, input, run_at, start_by, ord)
                ORDER BY id, ord DESC
            ), locked AS MATERIALIZED (
                SELECT j.id, j.state, j.rank, j.is_run, j.priority, j.queue, j.limit_key, q.first_lane, q.lanes, q.side, q.ageing_ms
                FROM jobs j JOIN queues q ON q.name = j.queue
                WHERE j.id IN (SELECT id FROM given)
                    AND CASE WHEN j.is_run THEN j.epoch = 0 AND NOT j.paused AND j.state IN ('ready', 'scheduled')
                        ELSE j.state IN ('queued', 'scheduled') END
                ORDER BY j.id FOR NO KEY UPDATE OF j
            ), standing AS MATERIALIZED (
                SELECT r.lane, r.rank, r.job_id FROM locked l, ready r
                WHERE l.state <> 'scheduled' AND r.rank = l.rank AND r.job_id = l.id
                    AND r.lane IN (lane_of(l.first_lane, l.lanes, 0::smallint, l.id),
                        lane_of(l.first_lane, l.lanes, 1::smallint, l.id))
                FOR UPDATE OF r SKIP LOCKED
            ), gone AS (
                DELETE FROM ready r USING standing s
                WHERE r.lane = s.lane AND r.rank = s.rank AND r.job_id = s.job_id
                RETURNING r.job_id
            ), unblocked AS (
                DELETE FROM blocked b WHERE b.ctid = ANY (ARRAY(
                    SELECT s.ctid FROM locked l JOIN blocked s ON s.queue = l.queue AND s.key = l.limit_key
                        AND s.rank = l.rank AND s.job_id = l.id
                    FOR UPDATE OF s SKIP LOCKED
                ))
                RETURNING b.job_id
            ), moved AS (
                UPDATE jobs j SET input = g.input, start_by = g.start_by, wake_at = g.run_at,
                    rank = CASE WHEN l.state <> 'scheduled' AND g.run_at IS NULL THEN l.rank
                        ELSE rank_of(l.priority, l.ageing_ms, coalesce(g.run_at, (SELECT usher_now()))) END,
                    state = CASE WHEN g.run_at IS NOT NULL THEN 'scheduled' WHEN l.is_run THEN 'ready'
                        ELSE 'queued' END::job_state
                FROM locked l JOIN given g ON g.id = l.id
                WHERE j.id = l.id AND (l.state = 'scheduled' OR l.id IN (SELECT job_id FROM gone UNION ALL SELECT job_id FROM unblocked))
                RETURNING j.id, j.queue, j.limit_key, j.priority, j.rank, j.is_run, j.wake_at, lane_of(l.first_lane, l.lanes, l.side, j.id) AS lane
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT rank, id, lane, is_run FROM moved WHERE wake_at IS NULL AND limit_key IS NULL
            ), behind AS (
                SELECT * FROM moved WHERE wake_at IS NULL
            ), \(fragment: LimitStatements.blocking("behind")), timed AS (
                INSERT INTO timers (wake_at, job_id) SELECT wake_at, id FROM moved WHERE wake_at IS NOT NULL
                ON CONFLICT DO NOTHING
            )
            SELECT id FROM moved
            """
        )
    }
}
