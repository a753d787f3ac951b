package import Postgres

// Runs that stand still because somebody wants it.
extension JobStatements {
    /// Pauses runs: parked and ready ones at once, scheduled ones when their time has come, running ones at their next
    /// commit.
    ///
    /// Primary keys of `jobs`, `timers` and of the leaves. Returns the runs that were not paused before.
    ///
    /// A ready row that a claim holds this moment is left to it: it waits for the run's row, finds that the run is no
    /// longer ready, and takes nothing.
    package static func pause(_ ids: [JobID]) -> Query {
        Query(
            "runs_pause",
            """
            WITH locked AS MATERIALIZED (
                SELECT j.id, j.state, j.rank, j.queue, j.wake_at FROM jobs j
                WHERE j.id = ANY(\(ids.map(\.rawValue))) AND j.is_run AND NOT j.paused
                    AND j.state IN ('scheduled', 'ready', 'running', 'waiting')
                ORDER BY j.id FOR NO KEY UPDATE
            ), standing AS MATERIALIZED (
                SELECT r.lane, r.rank, r.job_id FROM locked l JOIN queues q ON q.name = l.queue, ready r
                WHERE l.state = 'ready' AND r.rank = l.rank AND r.job_id = l.id
                    AND r.lane IN (lane_of(q.first_lane, q.lanes, 0::smallint, l.id),
                        lane_of(q.first_lane, q.lanes, 1::smallint, l.id))
                FOR UPDATE OF r SKIP LOCKED
            ), gone AS (
                DELETE FROM ready r USING standing s
                WHERE r.lane = s.lane AND r.rank = s.rank AND r.job_id = s.job_id
            ), untimed AS (
                DELETE FROM timers t USING locked l
                WHERE l.state = 'waiting' AND t.wake_at = l.wake_at AND t.job_id = l.id
            )
            UPDATE jobs j SET paused = true,
                state = CASE WHEN l.state = 'ready' THEN 'waiting' ELSE l.state END,
                wake_at = CASE WHEN l.state IN ('ready', 'waiting') THEN NULL ELSE j.wake_at END,
                waiting_for = CASE WHEN l.state IN ('ready', 'waiting') THEN NULL ELSE j.waiting_for END
            FROM locked l WHERE j.id = l.id
            RETURNING j.id
            """
        )
    }

    /// Lets paused runs go on: parked ones are ready, and park again if nothing has come.
    ///
    /// Primary keys of `jobs` and of the leaves. Returns the runs that were paused, each with its queue if it is ready
    /// now.
    ///
    /// A ready row that is left over is deleted and made anew: a claim that looked already may be about to drop it,
    /// because the run was paused when it looked.
    package static func resume(_ ids: [JobID]) -> Query {
        Query(
            "runs_resume",
            """
            WITH locked AS MATERIALIZED (
                SELECT j.id, j.state, j.rank, j.home_queue, q.first_lane, q.lanes, q.side
                FROM jobs j JOIN queues q ON q.name = j.home_queue
                WHERE j.id = ANY(\(ids.map(\.rawValue))) AND j.paused
                    AND j.state IN ('scheduled', 'running', 'waiting')
                ORDER BY j.id FOR NO KEY UPDATE OF j
            ), standing AS MATERIALIZED (
                SELECT r.lane, r.rank, r.job_id FROM locked l, ready r
                WHERE l.state = 'waiting' AND r.rank = l.rank AND r.job_id = l.id
                    AND r.lane IN (lane_of(l.first_lane, l.lanes, 0::smallint, l.id),
                        lane_of(l.first_lane, l.lanes, 1::smallint, l.id))
                FOR UPDATE OF r SKIP LOCKED
            ), gone AS (
                DELETE FROM ready r USING standing s
                WHERE r.lane = s.lane AND r.rank = s.rank AND r.job_id = s.job_id
                RETURNING r.job_id
            ), moved AS (
                UPDATE jobs j SET paused = false, error = CASE WHEN l.state <> 'waiting' THEN j.error END,
                    state = CASE WHEN l.state = 'waiting' THEN 'ready' ELSE l.state END,
                    queue = CASE WHEN l.state = 'waiting' THEN l.home_queue ELSE j.queue END
                FROM locked l
                WHERE j.id = l.id AND (SELECT count(*) FROM gone) >= 0
                RETURNING j.id, j.state, j.queue, j.rank,
                    lane_of(l.first_lane, l.lanes, l.side, j.id) AS lane
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT rank, id, lane, true FROM moved WHERE state = 'ready'
                ON CONFLICT DO NOTHING
            )
            SELECT id, CASE WHEN state = 'ready' THEN queue END FROM moved
            """
        )
    }
}
