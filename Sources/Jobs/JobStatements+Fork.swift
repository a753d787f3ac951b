package import Postgres

// A run that goes another way from a point in the history of another.
extension JobStatements {
    /// Makes a run with the workflow, input and version of another, and with some of what that has recorded.
    ///
    /// Primary keys of `jobs`, `checkpoints`, `events`, `run_values` and `run_attributes`. Returns its number, its
    /// queue, and how many checkpoints it has got; nothing if there is no such run of that generation.
    ///
    /// Times are copied, so that they keep the order of the history. Values are copied as far as they were shown by
    /// `instant`.
    package static func fork(
        _ id: JobID,
        generation: Int32,
        steps: [String],
        events: [String],
        until instant: PostgresTimestamp
    ) -> Query {
        Query(
            "runs_fork",
            """
            WITH given AS MATERIALIZED (
                SELECT nextval('job_ids') AS id, j.id AS origin, j.generation, j.name, j.home_queue, j.priority, j.input,
                    j.code_version, j.cleans_up, (SELECT usher_now()) + (j.run_until - j.created_at) AS run_until,
                    rank_of(j.priority, q.ageing_ms, (SELECT usher_now())) AS rank, q.first_lane, q.lanes, q.side
                FROM jobs j JOIN queues q ON q.name = j.home_queue
                WHERE j.id = \(id.rawValue) AND j.is_run AND j.generation = \(generation)
            ), made AS (
                INSERT INTO jobs (id, name, home_queue, queue, priority, is_run, state, rank, epoch, input, code_version,
                    cleans_up, run_until)
                SELECT id, name, home_queue, home_queue, priority, true, 'ready', rank, 1, input, code_version, cleans_up,
                    run_until
                FROM given
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT rank, id, lane_of(first_lane, lanes, side, id), true FROM given
            ), copied AS (
                INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch, recorded_at)
                SELECT g.id, 0, c.key, c.kind, c.value, 1, c.recorded_at
                FROM given g JOIN checkpoints c ON c.job_id = g.origin AND c.generation = g.generation
                WHERE c.key = ANY(\(steps)) ORDER BY c.recorded_at, c.ctid
                RETURNING 1
            ), told AS (
                INSERT INTO events (job_id, name, payload, recorded_at)
                SELECT g.id, e.name, e.payload, e.recorded_at FROM given g JOIN events e ON e.job_id = g.origin
                WHERE e.name = ANY(\(events))
            ), shown AS (
                INSERT INTO run_values (job_id, name, value, recorded_at)
                SELECT g.id, v.name, v.value, v.recorded_at FROM given g JOIN run_values v ON v.job_id = g.origin
                WHERE v.recorded_at <= \(instant)
            ), tagged AS (
                INSERT INTO run_attributes (job_id, name, value)
                SELECT g.id, a.name, a.value FROM given g JOIN run_attributes a ON a.job_id = g.origin
                WHERE a.name <> 'forked_from'
                UNION ALL SELECT id, 'forked_from', to_jsonb(origin) FROM given
            )
            SELECT id, home_queue, (SELECT count(*) FROM copied) FROM given
            """
        )
    }
}
