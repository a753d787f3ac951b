package import Postgres
internal import Reactor

// Cancelling jobs; what is hard about it is in the function cancel_job().
extension JobStatements {
    /// Cancels plain jobs, in id order.
    ///
    /// Primary keys of `jobs` and of the leaf; reads the open `claims` for those that are in neither.
    static func cancelPlain(_ ids: [JobID], within deadline: Duration, _ reason: String) -> Query {
        Query(
            "jobs_cancel",
            """
            SELECT id, cancel_job(id, \(reason), usher_now() + make_interval(secs => \(deadline.seconds)))
            FROM (SELECT id FROM unnest(\(ids.map(\.rawValue))) AS i (id) ORDER BY id OFFSET 0) AS given
            """
        )
    }

    /// Notes that running runs are to end.
    static func ask(_ runs: [JobID], within deadline: Duration, _ reason: String) -> Query {
        Query(
            "cancellations_ask",
            """
            INSERT INTO cancellations AS c
            SELECT id, \(reason), usher_now(), usher_now() + make_interval(secs => \(deadline.seconds))
            FROM unnest(\(runs.map(\.rawValue))) AS i (id) ORDER BY id
            ON CONFLICT (job_id) DO UPDATE SET deadline = least(c.deadline, excluded.deadline)
            """
        )
    }

    /// What workers are to end, and how many seconds they have; one that is held by nobody is not theirs to find.
    package static func cancellations() -> Query {
        Query(
            "cancellations_all",
            """
            SELECT job_id, reason, extract(epoch FROM deadline - (SELECT usher_now()))::double precision
            FROM cancellations
            """
        )
    }

    /// What was asked to end: its number, whether it is a run, and whether its deadline has passed.
    ///
    /// Reads all of `cancellations`, which is short.
    static func cancellationsToSweep() -> Query {
        Query(
            "cancellations_to_sweep",
            """
            SELECT c.job_id, coalesce(j.is_run, false), c.deadline <= (SELECT usher_now())
            FROM cancellations c LEFT JOIN jobs j ON j.id = c.job_id
            ORDER BY c.job_id
            """
        )
    }

    /// Cancels plain jobs once more, each as it was asked to.
    static func cancelAgain(_ ids: [JobID]) -> Query {
        Query(
            "jobs_cancel_again",
            """
            SELECT job_id, cancel_job(job_id, reason, deadline)
            FROM (
                SELECT job_id, reason, deadline FROM cancellations WHERE job_id = ANY(\(ids.map(\.rawValue)))
                ORDER BY job_id OFFSET 0
            ) AS given
            """
        )
    }

    /// Brings about what the end of cancelled plain jobs owes to others.
    ///
    /// Primary key of `jobs`. It comes after the cancellation, in its transaction.
    static func afterCancelling(_ ids: [JobID]) -> Query {
        Query(
            "jobs_cancelled",
            """
            WITH waiting AS (
                SELECT id, state, coalesce(key_until_end, key_until_start) AS key_until_end, batch_id
                FROM jobs
                WHERE id = ANY(\(ids.map(\.rawValue))) AND state = 'cancelled'
            ), \(fragment: after("waiting")), \(fragment: LimitStatements.freeing("SELECT id FROM waiting"))
            SELECT count(*) FROM waiting
            """
        )
    }

    /// Forgets the cancellations of jobs that have ended, once workers had the time to hear of them.
    static func forgetCancellations() -> Query {
        Query(
            "cancellations_forget",
            """
            WITH gone AS (
                DELETE FROM cancellations c
                WHERE c.requested_at < (SELECT usher_now()) - interval '10 seconds' AND NOT EXISTS (
                    SELECT FROM jobs j WHERE j.id = c.job_id
                        AND standing(j.id, j.state, j.queue, j.rank) IN ('scheduled', 'blocked', 'ready', 'running', 'waiting'))
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM cancellations) - (SELECT count(*) FROM gone)
            """
        )
    }
}
