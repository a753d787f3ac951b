package import Postgres
internal import Reactor
internal import Telemetry

/// The statements that make, claim, end and wake jobs, in files by what they do.
///
/// Each is named; each says which index it uses.
package enum JobStatements {}

// Making jobs.
extension JobStatements {
    /// Inserts jobs, their ready rows and their timers, in the order given.
    ///
    /// Returns one row per job: its id, or null where its key was taken; then the id of the job that has the key, or
    /// null when that one is too new to be seen. Where no job has a key, then the leaf it was put into. An unknown queue violates `ready.lane` or `jobs.home_queue`, which
    /// the caller turns into a ``JobsError``.
    ///
    /// Primary keys of all. A key that is seen to be taken is not touched, so that no producer's transaction stands in
    /// the way of a worker that wants to give it back; what has expired is taken over where the insert meets it, so
    /// that one of many rivals gets it.
    package static func enqueue(_ jobs: [NewJob], keys: [JobKey?]) -> Query {
        let isKeyed = keys.contains { $0 != nil }
        let isBatched = jobs.contains { $0.batch != nil }
        let batches: SQL = isBatched ? ", \(jobs.map { $0.batch?.rawValue })" : ""
        let batch: SQL = isBatched ? ", batch_id" : ""
        let tally: SQL =
            isBatched
            ? """
            , tallied AS (
                INSERT INTO batch_tallies (batch_id, added)
                SELECT batch_id, count(*) FROM accepted WHERE batch_id IS NOT NULL GROUP BY batch_id ORDER BY batch_id
            )
            """ : ""
        let arrays: SQL =
            isKeyed
            ? """
            , \(keys.map { $0?.text }), \(keys.map { $0?.uniqueness.span.rawValue }),
            \(keys.map { $0?.uniqueness.window?.seconds })
            """ : ""
        let names: SQL = isKeyed ? ", key, span, within" : ""
        let columns: SQL = isKeyed ? ", key_until_start, key_until_end" : ""
        let values: SQL =
            isKeyed
            ? ", CASE WHEN span = 'queued' THEN key END, CASE WHEN span = 'unfinished' THEN key END" : ""
        let taking: SQL =
            isKeyed
            ? """
            seen AS MATERIALIZED (
                SELECT g.*, CASE WHEN g.key IS NOT NULL THEN (
                    SELECT k.job_id FROM job_keys k
                    WHERE k.key = g.key AND (k.expires_at IS NULL OR k.expires_at > (SELECT usher_now()))
                ) END AS holder
                FROM given g
            ), keyed AS (
                INSERT INTO job_keys AS k (key, job_id, expires_at)
                SELECT DISTINCT ON (key) key, id, (SELECT usher_now()) + make_interval(secs => within)
                FROM seen WHERE key IS NOT NULL AND holder IS NULL ORDER BY key, ord
                ON CONFLICT (key) DO UPDATE SET job_id = excluded.job_id, expires_at = excluded.expires_at
                    WHERE k.expires_at <= (SELECT usher_now())
                RETURNING job_id
            ),
            """ : ""
        let source: SQL = isKeyed ? "seen" : "given"
        let allowed: SQL = isKeyed ? "WHERE g.key IS NULL OR g.id IN (SELECT job_id FROM keyed)" : ""
        let answer: SQL =
            isKeyed
            ? """
            SELECT a.id, coalesce(g.holder, w.id) FROM seen g
            LEFT JOIN accepted a ON a.ord = g.ord LEFT JOIN accepted w ON w.key = g.key ORDER BY g.ord
            """ : "SELECT id, NULL::bigint, CASE WHEN run_at IS NULL THEN lane END FROM accepted ORDER BY ord"
        // Behind their keys they are put by a statement of their own.
        let isLimited = jobs.contains { $0.limitKey != nil }
        let limits: SQL = isLimited ? ", \(jobs.map(\.limitKey))" : ""
        let limit: SQL = isLimited ? ", limit_key" : ""
        let open: SQL = isLimited ? " AND limit_key IS NULL" : ""
        let isPinned = jobs.contains { $0.codeVersion != nil || $0.timeout != nil }
        let pins: SQL =
            isPinned
            ? ", \(jobs.map { $0.codeVersion.map(Int32.init(clamping:)) }), \(jobs.map { $0.timeout?.seconds })"
            : ""
        let pin: SQL = isPinned ? ", code_version, allowed" : ""
        let pinned: SQL = isPinned ? ", code_version, run_until" : ""
        let until: SQL =
            isPinned
            ? ", code_version, coalesce(run_at, (SELECT usher_now())) + make_interval(secs => allowed)" : ""
        let isTraced = jobs.contains { $0.trace != nil }
        let traces: SQL = isTraced ? ", \(jobs.map { $0.trace?.description })" : ""
        let trace: SQL = isTraced ? ", trace" : ""
        return Query(
            "jobs_enqueue",
            """
            WITH given AS MATERIALIZED (
                SELECT nextval('job_ids') AS id, g.*
                FROM unnest(
                    \(jobs.map(\.name)), \(jobs.map(\.queue)), \(jobs.map(\.priority)), \(jobs.map(\.input)),
                    \(jobs.map(\.runAt)), \(jobs.map { $0.parent?.id.rawValue }),
                    \(jobs.map { $0.parent?.event }), \(jobs.map(\.isRun)), \(jobs.map(\.startBy))
                    \(fragment: arrays)\(fragment: batches)\(fragment: limits)\(fragment: pins)\(fragment: traces)
                ) WITH ORDINALITY AS g (
                    name, queue, priority, input, run_at, parent_id, parent_event, is_run, start_by
                    \(fragment: names)\(fragment: batch)\(fragment: limit)\(fragment: pin)\(fragment: trace), ord
                )
            ), \(fragment: taking) accepted AS (
                SELECT g.*, lane_of(q.first_lane, q.lanes, q.side, g.id) AS lane, q.name AS known_queue,
                    rank_of(g.priority, q.ageing_ms, coalesce(g.run_at, (SELECT usher_now()))) AS rank
                FROM \(fragment: source) g LEFT JOIN queues q ON q.name = g.queue
                \(fragment: allowed)
            ), made AS (
                INSERT INTO jobs (
                    id, name, home_queue, queue, priority, is_run, state, rank, wake_at, start_by, input, parent_id,
                    parent_event\(fragment: columns)\(fragment: batch)\(fragment: limit)\(fragment: pinned)\(fragment: trace)
                )
                SELECT id, name, known_queue, queue, priority, is_run,
                    CASE WHEN run_at IS NOT NULL THEN 'scheduled' WHEN is_run THEN 'ready' ELSE 'queued'
                    END::job_state,
                    rank, run_at, start_by, input, parent_id, parent_event\(fragment: values)\(fragment: batch)\(fragment: limit)\(fragment: until)\(fragment: trace)
                FROM accepted
            ), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT rank, id, lane, is_run FROM accepted WHERE run_at IS NULL\(fragment: open)
            ), timed AS (
                INSERT INTO timers (wake_at, job_id) SELECT run_at, id FROM accepted WHERE run_at IS NOT NULL
            )\(fragment: tally)
            \(fragment: answer)
            """
        )
    }
}
