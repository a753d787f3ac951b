package import Postgres

/// Folds tallies into their batches, and enqueues the callbacks of those that are done.
package enum BatchFold {
    /// Folds some tallies in one transaction.
    ///
    /// One process at a time: with two, a batch's last ends could be counted before its first jobs.
    ///
    /// - Returns: how many tallies were folded, and the queues that got callbacks.
    package static func fold(
        _ store: JobStore,
        limit: Int = 10_000
    ) async throws -> (tallies: Int64, queues: Set<String>) {
        try await store.postgres.withTransaction { tx in
            let alone: Bool = try await tx.query(
                Query(
                    "batches_alone",
                    "SELECT pg_try_advisory_xact_lock(hashtext('usher.fold'), hashtext(current_schema()))"
                )
            )[0][0]
            guard alone else { return (0, []) }
            let folded = try await tx.query(sum(limit: limit))
            guard !folded.isEmpty else { return (0, []) }
            let ids: [Int64] = try folded.map { try $0[0] }
            let tallies: Int64 = try folded[0][1]
            let rows = try await tx.query(due(among: ids))
            guard !rows.isEmpty else { return (tallies, []) }
            let jobs = try rows.map { row in
                var job = NewJob(name: try row[1], queue: try row[2], input: try row[3], priority: try row[4])
                job.isRun = try row[5]
                return job
            }
            let made = try await JobStore.insert(jobs, in: &tx)
            let batches: [Int64] = try rows.map { try $0[0] }
            try await tx.execute(
                Query(
                    "batches_fired",
                    """
                    UPDATE job_batches b SET fired_at = (SELECT usher_now()), callback_id = g.job_id
                    FROM unnest(\(batches), \(made.map(\.id.rawValue))) AS g (id, job_id) WHERE b.id = g.id
                    """
                )
            )
            return (tallies, Set(jobs.map(\.queue)))
        }
    }

    /// Primary keys of both tables; given as an array, because the planner would read all batches to join them.
    private static func sum(limit: Int) -> Query {
        Query(
            "batches_sum",
            """
            WITH taken AS MATERIALIZED (
                DELETE FROM batch_tallies WHERE id IN (
                    SELECT id FROM batch_tallies ORDER BY id LIMIT \(Int64(limit))
                ) RETURNING *
            ), sums AS MATERIALIZED (
                SELECT batch_id, bool_or(seals) AS seals, sum(added)::bigint AS added, sum(done)::bigint AS done,
                    sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled,
                    sum(expired)::bigint AS expired
                FROM taken GROUP BY batch_id
            ), folded AS (
                UPDATE job_batches b SET is_sealed = b.is_sealed OR s.seals, added = b.added + s.added,
                    done = b.done + s.done, failed = b.failed + s.failed, cancelled = b.cancelled + s.cancelled,
                    expired = b.expired + s.expired
                FROM sums s WHERE b.id = s.batch_id AND b.id = ANY (ARRAY(SELECT batch_id FROM sums))
            )
            SELECT batch_id, (SELECT count(*) FROM taken) FROM sums
            """
        )
    }

    /// Batches of which all has ended and nobody has heard.
    ///
    /// Primary key of `job_batches`.
    private static func due(among ids: [Int64]) -> Query {
        Query(
            "batches_due",
            """
            SELECT id, job_name, queue, jsonb_build_object('batch', id, 'name', name, 'added', added, 'done', done,
                'failed', failed, 'cancelled', cancelled, 'expired', expired, 'input', input), priority, is_run
            FROM job_batches
            WHERE id = ANY(\(ids)) AND is_sealed AND fired_at IS NULL AND added = done + failed + cancelled + expired
            ORDER BY id
            """
        )
    }

    /// Forgets batches whose callbacks were enqueued longer ago than jobs are kept.
    ///
    /// `job_batches_by_end`.
    package static func forget(olderThan seconds: Double) -> Query {
        Query(
            "batches_forget",
            "DELETE FROM job_batches WHERE fired_at < (SELECT usher_now()) - make_interval(secs => \(seconds))"
        )
    }
}
