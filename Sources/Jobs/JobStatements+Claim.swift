package import Postgres

// Claiming jobs.
extension JobStatements {
    /// Takes up to `limit` jobs from the head of one leaf, or from `floor` on where one is given.
    ///
    /// Primary key of the leaf, then of `jobs`.
    ///
    /// The picked rows are materialised, because a LIMIT subquery that is executed again claims too much. They are
    /// deleted by their place, which their locks keep: by key the planner reads the whole leaf. A plain job's own row
    /// is only read; a run's gets its epoch here. What nobody wants any more loses its ready row and is not returned.
    /// Keys that are held until the start are given back.
    package static func claim(_ leaf: LaneLeaf, limit: Int, worker: Int64, floor: LaneFloor? = nil) -> Query {
        let table = "ready_\(leaf.number)"
        let most: SQL =
            leaf.isLimited
            ? """
            (SELECT CASE WHEN EXISTS (SELECT FROM \(identifier: table))
                THEN queue_allowance(\(leaf.queue), \(Int32(clamping: limit))) ELSE 0 END)
            """ : "\(Int64(limit))"
        return Query(
            "jobs_claim",
            """
            WITH picked AS MATERIALIZED (
                SELECT ctid AS place FROM \(identifier: table) \(fragment: start(at: floor))
                ORDER BY rank, job_id LIMIT \(fragment: most) FOR UPDATE SKIP LOCKED
            ), gone AS (
                DELETE FROM \(identifier: table) WHERE ctid = ANY (ARRAY(SELECT place FROM picked))
                RETURNING job_id, rank, is_run
            ), found AS MATERIALIZED (
                SELECT j.id, j.name, j.home_queue, j.failures, j.input, j.trace, g.rank, j.key_until_start,
                    j.key_until_end, j.batch_id, j.limit_key,
                    j.start_by IS NOT NULL AND j.start_by < (SELECT usher_now()) AS is_late
                FROM gone g JOIN jobs j ON j.id = g.job_id
                WHERE NOT g.is_run AND j.state = 'queued'
            ), late AS (
                UPDATE jobs j SET state = 'expired', error = 'nobody started it by its deadline',
                    finished_at = (SELECT usher_now())
                FROM found f WHERE f.is_late AND j.id = f.id
                RETURNING j.id, j.state, j.key_until_end, j.batch_id
            ), \(fragment: after("late")), locked AS MATERIALIZED (
                SELECT j.id, g.rank, CASE WHEN j.epoch = 0 THEN j.key_until_start END AS key_until_start FROM gone g JOIN jobs j ON j.id = g.job_id
                WHERE g.is_run AND j.state = 'ready' ORDER BY j.id FOR NO KEY UPDATE OF j
            ), started_keys AS MATERIALIZED (
                SELECT id, key_until_start AS key FROM found WHERE key_until_start IS NOT NULL
                UNION ALL SELECT id, key_until_start FROM locked WHERE key_until_start IS NOT NULL
            ), unkeyed AS (
                DELETE FROM job_keys WHERE key = ANY (ARRAY(SELECT key FROM started_keys))
                    AND job_id = ANY (ARRAY(SELECT id FROM started_keys))
            ), batches AS (
                INSERT INTO claims (worker_id, queue, is_run, claimed_at, job_ids)
                SELECT \(worker), \(leaf.queue), is_run, (SELECT usher_now()), array_agg(id)
                FROM (
                    SELECT false AS is_run, id FROM found WHERE NOT is_late
                    UNION ALL SELECT true, id FROM locked
                ) AS taken
                GROUP BY is_run
                RETURNING batch, is_run
            ), started AS (
                UPDATE jobs j
                SET state = 'running', epoch = j.epoch + 1, worker_id = \(worker), wake_at = NULL,
                    waiting_for = NULL
                FROM locked l WHERE j.id = l.id
                RETURNING j.id, j.name, j.home_queue, j.epoch, j.generation, j.failures, j.input, j.parent_id,
                    j.parent_event, j.trace, l.rank
            )\(fragment: accounts(leaf))
            SELECT f.id, f.name, f.failures, f.input, f.rank, (SELECT batch FROM batches WHERE NOT is_run),
                CASE WHEN f.key_until_end IS NOT NULL OR f.batch_id IS NOT NULL OR f.limit_key IS NOT NULL
                    THEN \(ClaimedJob.owesMore) ELSE 0::int2 END,
                nullif(f.home_queue, \(leaf.queue)), NULL::integer, NULL::integer, NULL::bigint, NULL::text,
                f.trace
            FROM found f WHERE NOT f.is_late
            UNION ALL
            SELECT s.id, s.name, s.failures, s.input, s.rank, (SELECT batch FROM batches WHERE is_run),
                \(ClaimedJob.isRun), nullif(s.home_queue, \(leaf.queue)), s.epoch, s.generation, s.parent_id,
                s.parent_event, s.trace
            FROM started s
            """
        )
    }

    /// What a claim owes to a queue with limits: the tokens of what it took, the slots of what came too late, and a
    /// signal where its keys have a window.
    private static func accounts(_ leaf: LaneLeaf) -> SQL {
        var accounts: SQL = ""
        if leaf.isLimited {
            accounts = """
                , counted AS (
                    SELECT (SELECT count(*) FROM found WHERE NOT is_late) + (SELECT count(*) FROM locked) AS taken
                ), spent AS (
                    UPDATE queue_limits q SET
                        empty_at = bucket_spent(q.rate, q.burst, q.empty_at, (SELECT usher_now()), c.taken)
                    FROM counted c WHERE q.queue = \(leaf.queue) AND q.rate IS NOT NULL AND c.taken > 0
                )
                """
        }
        if leaf.isKeyed {
            accounts = accounts + ", " + LimitStatements.freeing("SELECT id FROM found WHERE is_late")
            accounts = accounts + ", " + LimitStatements.passing("found", queue: leaf.queue)
        }
        return accounts
    }

    /// Which of these leaves have rows, from their floors on where such are given: their numbers, in no order.
    ///
    /// Primary key of each leaf, of which it reads the head. Claims are large statements, and most leaves of an idle
    /// queue are empty: one look at all of them costs less than a claim from one. The text is the same with and without
    /// floors, so that it is prepared once.
    package static func look(at leaves: [(leaf: LaneLeaf, floor: LaneFloor?)]) -> Query {
        let heads = leaves.map { leaf, floor -> SQL in
            let table = "ready_\(leaf.number)"
            return """
                (SELECT lane FROM \(identifier: table) \(fragment: start(at: floor ?? .first))
                ORDER BY rank, job_id LIMIT 1)
                """
        }
        return Query("ready_look", .joined(heads, separator: " UNION ALL "))
    }

    private static func start(at floor: LaneFloor?) -> SQL {
        guard let floor else { return "" }
        return "WHERE (rank, job_id) >= (\(floor.rank), \(floor.id.rawValue))"
    }

    /// Forgets claimed batches of runs that have all moved on.
    ///
    /// Primary key of `claims`.
    package static func forget(batches: [Int64]) -> Query {
        Query("claims_forget", "DELETE FROM claims WHERE is_run AND batch = ANY(\(batches))")
    }

    /// A worker's claims that are not among those it knows of: their answers were lost.
    ///
    /// Reads all open `claims`, of which there is one per batch in flight.
    package static func unknown(to worker: Int64, knowing batches: [Int64]) -> Query {
        Query(
            "claims_unknown",
            "SELECT batch, is_run, job_ids FROM claims WHERE worker_id = \(worker) AND batch <> ALL(\(batches))"
        )
    }

    /// Gives claims up, so that they are rescued as a dead worker's are, but without counting a failure.
    ///
    /// Primary key of `claims`. The owner's number is kept, negative, because no worker has such a one.
    package static func abandon(batches: [Int64], worker: Int64) -> Query {
        Query(
            "claims_abandon",
            "UPDATE claims SET worker_id = -worker_id WHERE worker_id = \(worker) AND batch = ANY(\(batches))"
        )
    }
}
