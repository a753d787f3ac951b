package import Postgres
internal import Reactor

// How plain jobs end. The claim's row is the fence: whoever finds it gone may write nothing.
extension JobStatements {
    /// Closes batches of which every job ended well, without naming the jobs.
    ///
    /// Primary key of `claims`. Returns the batches that were there.
    package static func close(batches: [Int64]) -> Query {
        Query(
            "claims_close",
            """
            WITH gone AS (
                DELETE FROM claims WHERE batch = ANY(\(batches))
                RETURNING batch, worker_id, queue, claimed_at, job_ids
            )
            INSERT INTO closures
                (closed_at, batch, worker_id, queue, claimed_at, least_id, greatest_id, job_ids)
            SELECT (SELECT usher_now()), g.batch, g.worker_id, g.queue, g.claimed_at,
                (SELECT min(id) FROM unnest(g.job_ids) AS i (id)),
                (SELECT max(id) FROM unnest(g.job_ids) AS i (id)), g.job_ids
            FROM gone g
            RETURNING batch
            """
        )
    }

    /// Locks claims, so that nobody can take them away before the transaction ends.
    ///
    /// Primary key of `claims`. Returns those that are still there, and which jobs are in them.
    package static func hold(batches: [Int64]) -> Query {
        Query(
            "claims_hold",
            """
            SELECT batch, job_ids FROM claims
            WHERE batch = ANY(\(batches)) ORDER BY batch FOR UPDATE
            """
        )
    }

    /// Writes how jobs of any batches ended, and takes them out of their claims.
    ///
    /// Primary keys of `claims` and `jobs`. Returns the jobs that were still in their claims.
    package static func settle(_ ends: [JobEnd]) -> Query {
        let rows = ends.map(EndRow.init)
        return Query(
            "claims_settle",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    \(rows.map(\.batch)), \(rows.map(\.id)), \(rows.map(\.state)), \(rows.map(\.delay)),
                    \(rows.map(\.failures)), \(rows.map(\.output)), \(rows.map(\.error)), \(rows.map(\.kind)),
                    \(rows.map(\.owesMore))
                ) AS g (batch, id, state, delay, failures, output, error, kind, owes_more)
            ), held AS MATERIALIZED (
                SELECT c.batch, c.worker_id, c.queue, c.claimed_at, c.job_ids FROM claims c
                WHERE c.batch IN (SELECT batch FROM given)
                ORDER BY c.batch FOR UPDATE
            ), mine AS MATERIALIZED (
                SELECT g.* FROM given g JOIN held h ON h.batch = g.batch AND g.id = ANY (h.job_ids)
            ), rest AS MATERIALIZED (
                SELECT h.batch, ARRAY(
                    SELECT id FROM unnest(h.job_ids) AS i (id)
                    EXCEPT SELECT m.id FROM mine m WHERE m.batch = h.batch
                ) AS job_ids
                FROM held h
            ), kept AS (
                UPDATE claims c SET job_ids = r.job_ids FROM rest r
                WHERE c.batch = r.batch AND cardinality(r.job_ids) > 0
            ), gone AS (
                DELETE FROM claims c USING rest r
                WHERE c.batch = r.batch AND cardinality(r.job_ids) = 0
            ), closed AS (
                INSERT INTO closures
                    (closed_at, batch, worker_id, queue, claimed_at, least_id, greatest_id, job_ids)
                SELECT (SELECT usher_now()), h.batch, h.worker_id, h.queue, h.claimed_at, min(m.id), max(m.id),
                    array_agg(m.id)
                FROM mine m JOIN held h ON h.batch = m.batch WHERE m.state = 'done'
                GROUP BY h.batch, h.worker_id, h.queue, h.claimed_at
                ON CONFLICT (closed_at, batch) DO UPDATE SET job_ids = closures.job_ids || excluded.job_ids,
                    least_id = least(closures.least_id, excluded.least_id),
                    greatest_id = greatest(closures.greatest_id, excluded.greatest_id)
            ), moved AS (
                UPDATE jobs j SET
                    state = m.state::job_state, wake_at = (SELECT usher_now()) + make_interval(secs => m.delay),
                    failures = coalesce(m.failures, j.failures),
                    output = m.output, error = m.error,
                    finished_at = CASE WHEN m.state IN ('done', 'failed', 'cancelled')
                        THEN (SELECT usher_now()) END
                FROM mine m WHERE j.id = m.id AND (m.state <> 'done' OR m.output IS NOT NULL)
                RETURNING j.id, j.state, j.queue, j.rank, j.wake_at, j.name, m.kind, j.limit_key
            ), debts AS MATERIALIZED (
                SELECT m.id, m.state, j.key_until_end, j.batch_id FROM mine m JOIN jobs j ON j.id = m.id WHERE m.owes_more
            ), \(fragment: after("debts")), lined AS (
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT coalesce(a.rank, m.rank), m.id, lane_of(q.first_lane, q.lanes, q.side, m.id), false
                FROM moved m JOIN queues q ON q.name = m.queue
                LEFT JOIN admitted a ON a.queue = m.queue AND a.key = m.limit_key AND a.job_id = m.id
                WHERE m.state = 'queued'
            ), timed AS (
                INSERT INTO timers (wake_at, job_id) SELECT wake_at, id FROM moved WHERE wake_at IS NOT NULL
                ON CONFLICT DO NOTHING
            ), dead AS (
                INSERT INTO dead_letters (job_id, failed_at, name, queue, kind)
                SELECT id, (SELECT usher_now()), name, queue, kind FROM moved WHERE state = 'failed'
                ON CONFLICT DO NOTHING
            ), \(fragment: LimitStatements.freeing("SELECT id FROM mine WHERE owes_more AND state <> 'queued'"))
            SELECT id FROM mine
            """
        )
    }
}

/// One ``JobEnd`` as the columns of the statement that writes it.
private struct EndRow {
    let batch: Int64
    let id: Int64
    let owesMore: Bool
    var state: String
    var delay: Double?
    var failures: Int16?
    var output: JSONB?
    var error: String?
    var kind: String?

    init(_ end: JobEnd) {
        batch = end.batch
        id = end.id.rawValue
        owesMore = end.owesMore
        switch end.next {
        case .done(let output):
            state = "done"
            self.output = output
        case .failed(let failures, let error, let kind):
            state = "failed"
            self.failures = failures
            self.error = error
            self.kind = kind.rawValue
        case .cancelled(let reason):
            state = "cancelled"
            error = reason
        case .retry(let delay, let failures, let error):
            state = "scheduled"
            self.delay = delay.seconds
            self.failures = failures
            self.error = error
        case .handedBack:
            state = "queued"
        }
        // Postgres keeps no NUL in a text, and an error may quote anything.
        error?.replace("\0", with: "\u{FFFD}")
    }
}
