internal import Postgres

// What a job's end brings about beside its own row.
extension JobStatements {
    /// Gives back the keys of jobs that have ended, as part of the statement that ends them.
    ///
    /// Primary key of `job_keys`.
    ///
    /// The keys are gathered first, so that the planner can do nothing but look each of them up; most ends bring none,
    /// and then nothing is read.
    ///
    /// - Parameter ended: the name of a part of the statement that has rows of (id, state, key_until_end); those of
    ///   which the state is not an end don't count.
    /// - Returns: two more parts of the statement.
    static func after(_ ended: SQL) -> SQL {
        """
        owing AS MATERIALIZED (
            SELECT id, state::text AS state, key_until_end FROM \(fragment: ended)
            WHERE key_until_end IS NOT NULL AND state::text IN ('done', 'failed', 'cancelled', 'expired')
        ), released AS (
            DELETE FROM job_keys WHERE key = ANY (ARRAY(SELECT key_until_end FROM owing))
                AND job_id = ANY (ARRAY(SELECT id FROM owing))
        )
        """
    }
}
