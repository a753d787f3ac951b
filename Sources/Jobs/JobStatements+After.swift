internal import Postgres

// What a job's end brings about beside its own row.
extension JobStatements {
    /// Gives back the keys of jobs that have ended, and tells their batches, as part of the statement that ends them.
    ///
    /// Primary key of `job_keys`.
    ///
    /// The keys are gathered first, so that the planner can do nothing but look each of them up; most ends bring none,
    /// and then nothing is read.
    ///
    /// - Parameter ended: the name of a part of the statement that has rows of (id, state, key_until_end, batch_id);
    ///   those of which the state is not an end don't count.
    /// - Returns: more parts of the statement.
    static func after(_ ended: SQL) -> SQL {
        """
        owing AS MATERIALIZED (
            SELECT id, state::text AS state, key_until_end, batch_id FROM \(fragment: ended)
            WHERE (key_until_end IS NOT NULL OR batch_id IS NOT NULL)
                AND state::text IN ('done', 'failed', 'cancelled', 'expired')
        ), released AS (
            DELETE FROM job_keys
            WHERE key = ANY (ARRAY(SELECT key_until_end FROM owing WHERE key_until_end IS NOT NULL))
                AND job_id = ANY (ARRAY(SELECT id FROM owing))
        ), tallied AS (
            INSERT INTO batch_tallies (batch_id, done, failed, cancelled, expired)
            SELECT batch_id, count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed'),
                count(*) FILTER (WHERE state = 'cancelled'), count(*) FILTER (WHERE state = 'expired')
            FROM owing WHERE batch_id IS NOT NULL GROUP BY batch_id
        )
        """
    }

    /// Takes the failures of jobs that are redriven out of their batches' counts, as part of the statement that does it.
    ///
    /// - Parameter revived: the name of a part of the statement that has rows of (batch_id).
    /// - Returns: one more part of the statement.
    static func untally(_ revived: SQL) -> SQL {
        """
        untallied AS (
            INSERT INTO batch_tallies (batch_id, failed)
            SELECT batch_id, -count(*) FROM \(fragment: revived) WHERE batch_id IS NOT NULL GROUP BY batch_id
        )
        """
    }
}
