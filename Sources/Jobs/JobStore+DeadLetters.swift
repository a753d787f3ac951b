package import Postgres

extension JobStore {
    /// One page of dead letters, the latest jobs first.
    ///
    /// - Parameters:
    ///   - filter: which are meant.
    ///   - id: the last job of the page before; nil is the first page.
    ///   - limit: the most that is returned.
    /// - Returns: up to `limit` of them.
    /// - Throws: ``PostgresError``.
    public func deadLetters(
        _ filter: DeadLetterFilter = .all,
        olderThan id: JobID? = nil,
        limit: Int = 50
    ) async throws -> [DeadLetter] {
        try await postgres.query(
            Query(
                "dead_letters_page",
                """
                SELECT d.job_id, d.name, d.queue, d.kind, coalesce(j.error, ''), j.failures, d.failed_at
                FROM (\(fragment: filter.ids(before: id ?? JobID(rawValue: .max), limit: limit))) AS page
                CROSS JOIN LATERAL (SELECT * FROM dead_letters WHERE job_id = page.job_id OFFSET 0) AS d
                JOIN jobs j ON j.id = d.job_id
                ORDER BY d.job_id DESC
                """
            )
        ).map(DeadLetter.init(row:))
    }

    /// Has one dead letter done after all: it is ready again, with no failure counted.
    ///
    /// A run goes on from its checkpoints; the error it failed with is forgotten. A job that was unique while it was
    /// unfinished takes its key again.
    ///
    /// - Returns: false if there is no such dead letter.
    /// - Throws: ``JobsError`` (`keyTaken`) when another job has its key by now; ``PostgresError``.
    public func redrive(_ id: JobID) async throws -> Bool {
        let (found, queues) = try await Self.redrive(id, in: postgres)
        wake(queues)
        return found
    }

    /// Has one dead letter done after all, in the caller's transaction.
    ///
    /// - Returns: false if there is no such dead letter; and the queues to wake after the commit.
    /// - Throws: ``JobsError`` (`keyTaken`) when another job has its key by now; ``PostgresError``.
    package static func redrive(
        _ id: JobID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> (found: Bool, queues: [String]) {
        let part = try await redriveBatch(
            "SELECT job_id FROM dead_letters WHERE job_id = \(id.rawValue)",
            in: database
        )
        guard part.refused == 0 else {
            let holder = part.holder.map { "job \($0)" } ?? "another job"
            throw JobsError(
                code: .keyTaken,
                message: "job \(id) is not redriven: \(holder) has its unique key by now, and is unfinished"
            )
        }
        return (part.count == 1, part.queues)
    }

    /// Has some dead letters done after all, in the caller's transaction, but for those whose keys others have by now.
    ///
    /// - Returns: how many were redriven, and the queues to wake after the commit.
    package static func redrive(
        _ ids: [JobID],
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> (count: Int, queues: [String]) {
        let part = try await redriveBatch(
            "SELECT job_id FROM dead_letters WHERE job_id = ANY(\(ids.map(\.rawValue))) ORDER BY job_id",
            in: database
        )
        return (part.count, part.queues)
    }

    /// Has all dead letters that match done after all, in transactions of bounded size.
    ///
    /// What fails again meanwhile is left for the next time, so that this comes to an end. Those whose unique keys other
    /// jobs have by now stay dead letters; of several with one key the first is redriven.
    ///
    /// - Returns: how many were redriven.
    /// - Throws: ``PostgresError``; what was redriven until then stays so.
    @discardableResult
    public func redrive(_ filter: DeadLetterFilter, batch: Int = 1000) async throws -> Int {
        var last = JobID(rawValue: 0)
        var total = 0
        while true {
            let part = try await Self.redriveBatch(filter.ids(after: last, limit: batch), in: postgres)
            wake(part.queues)
            total += part.count
            guard let greatest = part.greatest else { return total }
            last = greatest
        }
    }

    /// Has every dead letter done after all; see ``redrive(_:batch:)``.
    @discardableResult
    public func redriveAll() async throws -> Int {
        try await redrive(.all)
    }

    /// What came of a part of the dead letters that were to be redriven.
    private struct Redriven {
        let count: Int
        /// The last that was looked at; nil when there was none.
        let greatest: JobID?
        let queues: [String]
        /// Those that other jobs have the keys of.
        let refused: Int
        /// One of those others, if it can be seen already.
        let holder: JobID?
    }

    /// Primary keys of `dead_letters`, `jobs` and `job_keys`; `dead_letters_by_queue` where a queue is asked for.
    private static func redriveBatch(
        _ picked: SQL,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> Redriven {
        let row = try await database.query(
            Query(
                "dead_letters_redrive",
                """
                WITH picked AS MATERIALIZED (\(fragment: picked)), failed AS MATERIALIZED (
                    SELECT j.id, j.is_run, j.error, j.key_until_end AS key FROM jobs j
                    WHERE j.id IN (SELECT job_id FROM picked) AND j.state = 'failed'
                    ORDER BY j.id FOR NO KEY UPDATE
                ), keyed AS (
                    INSERT INTO job_keys AS k (key, job_id)
                    SELECT DISTINCT ON (key) key, id FROM failed WHERE key IS NOT NULL ORDER BY key, id
                    ON CONFLICT (key) DO UPDATE SET job_id = excluded.job_id, expires_at = NULL
                        WHERE k.expires_at <= (SELECT usher_now())
                    RETURNING job_id
                ), locked AS MATERIALIZED (
                    SELECT id, is_run, error FROM failed WHERE key IS NULL OR id IN (SELECT job_id FROM keyed)
                ), gone AS (
                    DELETE FROM dead_letters WHERE job_id = ANY (ARRAY(SELECT id FROM locked))
                ), wanted AS (
                    DELETE FROM cancellations c USING locked l WHERE c.job_id = l.id
                ), forgotten AS (
                    DELETE FROM checkpoints c USING locked l
                    WHERE l.is_run AND c.job_id = l.id
                        AND (c.kind = 3 OR c.kind = 1 AND position((c.value #>> '{}') IN l.error) > 0)
                ), woken AS (
                    UPDATE jobs j SET state = CASE WHEN j.is_run THEN 'ready' ELSE 'queued' END::job_state,
                        queue = j.home_queue, failures = 0, error = NULL, finished_at = NULL, wake_at = NULL,
                        cancel_requested = false
                    FROM locked l WHERE j.id = l.id
                    RETURNING j.id, j.queue, j.rank, j.is_run, j.batch_id, j.limit_key, j.priority
                ), \(fragment: JobStatements.untally("woken")), lined AS (
                    INSERT INTO ready (rank, job_id, lane, is_run)
                    SELECT w.rank, w.id, lane_of(q.first_lane, q.lanes, q.side, w.id), w.is_run
                    FROM woken w JOIN queues q ON q.name = w.queue WHERE w.limit_key IS NULL
                ), \(fragment: LimitStatements.blocking("woken"))
                SELECT (SELECT count(*) FROM woken), (SELECT max(job_id) FROM picked),
                    ARRAY(SELECT DISTINCT queue FROM woken),
                    (SELECT count(*) FROM failed) - (SELECT count(*) FROM locked),
                    (SELECT job_id FROM job_keys WHERE key = (
                        SELECT key FROM failed WHERE id NOT IN (SELECT id FROM locked) ORDER BY id LIMIT 1))
                """
            )
        )[0]
        return Redriven(
            count: Int(try row[0] as Int64),
            greatest: (try row[1] as Int64?).map(JobID.init(rawValue:)),
            queues: try row[2],
            refused: Int(try row[3] as Int64),
            holder: (try row[4] as Int64?).map(JobID.init(rawValue:))
        )
    }
}
