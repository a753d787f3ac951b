package import Postgres

// What parents are told of their children, and what becomes of children whose parents end.
extension JobStatements {
    /// Notes how many children of a fan-out have yet to end.
    package static func openFanIn(_ parent: JobID, _ name: String, children: Int) -> Query {
        Query(
            "fan_ins_open",
            """
            INSERT INTO fan_ins (job_id, key, open)
            VALUES (\(parent.rawValue), \(name), \(Int32(clamping: children)))
            """
        )
    }

    /// Records children's ends with their parents, and wakes those parents that wait for them.
    ///
    /// A parent that waits for many is woken by the last of them. The caller has locked the parents' rows, so that
    /// those who count down a fan-in at the same time do it one after the other. Ends are recorded for a failed parent,
    /// too, because it may be redriven. Primary keys of `fan_ins`, `events` and `jobs`. Returns the queues that got
    /// work.
    static func tell(_ ends: [ChildEnd]) -> Query {
        Query(
            "children_tell",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    \(ends.map(\.parent.rawValue)), \(ends.map(\.fanIn)), \(ends.map(\.event)), \(ends.map(\.payload))
                ) AS g (job_id, key, name, payload)
            ), recorded AS (
                INSERT INTO events (job_id, name, payload)
                SELECT g.job_id, g.name, g.payload FROM given g
                JOIN jobs j ON j.id = g.job_id AND j.state NOT IN ('done', 'cancelled')
                LEFT JOIN fan_ins f ON f.job_id = g.job_id AND f.key = g.key
                WHERE g.key IS NULL OR f.key IS NOT NULL
                ORDER BY g.job_id, g.name
                ON CONFLICT DO NOTHING
                RETURNING job_id, name
            ), counted AS (
                UPDATE fan_ins f SET open = f.open - c.ended
                FROM (
                    SELECT g.job_id, g.key, count(*)::integer AS ended
                    FROM given g JOIN recorded r ON r.job_id = g.job_id AND r.name = g.name
                    WHERE g.key IS NOT NULL GROUP BY g.job_id, g.key
                ) AS c
                WHERE f.job_id = c.job_id AND f.key = c.key
                RETURNING f.job_id, f.key, f.open
            ), completed AS (
                INSERT INTO events (job_id, name, payload)
                SELECT job_id, key, 'null' FROM counted WHERE open = 0
                ON CONFLICT DO NOTHING
                RETURNING job_id, name
            ), news AS MATERIALIZED (
                SELECT r.job_id, r.name FROM recorded r JOIN given g ON g.job_id = r.job_id AND g.name = r.name
                WHERE g.key IS NULL
                UNION ALL SELECT job_id, name FROM completed
            ), \(fragment: waking("news"))
            SELECT DISTINCT queue FROM woken
            """
        )
    }

    /// Drops the results of fan-outs that are in their parents' checkpoints from now on, so that no later go reads
    /// them one by one.
    ///
    /// Primary keys of `fan_ins` and `events`, of which it goes through all of the runs named here.
    package static func closeFanIns(_ fanIns: [(parent: JobID, name: String)]) -> Query {
        Query(
            "fan_ins_close",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(\(fanIns.map(\.parent.rawValue)), \(fanIns.map(\.name))) AS g (job_id, key)
            ), counters AS (
                DELETE FROM fan_ins f USING given g WHERE f.job_id = g.job_id AND f.key = g.key
            )
            DELETE FROM events e USING given g
            WHERE e.job_id = g.job_id AND starts_with(e.name, g.key || '[')
            """
        )
    }

    /// Notes the children that runs leave behind, to be cancelled when nobody holds their parents' rows.
    ///
    /// The caller has ended the parents in this transaction. Index `jobs_parent`. What a failed parent was told stays,
    /// because it may be redriven.
    package static func orphan(childrenOf parents: [JobID]) -> Query {
        Query(
            "runs_orphan",
            """
            WITH counters AS (
                DELETE FROM fan_ins f USING jobs j
                WHERE f.job_id = ANY(\(parents.map(\.rawValue))) AND j.id = f.job_id AND j.state <> 'failed'
            )
            INSERT INTO orphaned_runs (job_id, reason)
            SELECT id, \(Orphan.parentEnded.rawValue) FROM jobs
            WHERE parent_id = ANY(\(parents.map(\.rawValue)))
                AND state NOT IN ('done', 'failed', 'cancelled', 'expired')
            ORDER BY id
            ON CONFLICT DO NOTHING
            """
        )
    }

    /// Notes that a run wants another ended.
    ///
    /// The other's row is not touched: its turn in the lock order may have passed.
    package static func askToCancel(_ child: JobID) -> Query {
        Query(
            "orphaned_runs_ask",
            """
            INSERT INTO orphaned_runs (job_id, reason)
            VALUES (\(child.rawValue), \(Orphan.parentAsked.rawValue)) ON CONFLICT DO NOTHING
            """
        )
    }

    /// The next runs to be ended or told of, in id order.
    ///
    /// Primary key of `orphaned_runs`.
    static func orphans(limit: Int) -> Query {
        Query(
            "orphaned_runs_next",
            "SELECT job_id, reason FROM orphaned_runs ORDER BY job_id LIMIT \(Int64(limit))"
        )
    }

    /// Forgets runs that have been seen to.
    ///
    /// Primary key of `orphaned_runs`.
    static func forgetOrphans(_ ids: [JobID]) -> Query {
        Query("orphaned_runs_forget", "DELETE FROM orphaned_runs WHERE job_id = ANY(\(ids.map(\.rawValue)))")
    }

    /// The parents of runs.
    ///
    /// Primary key of `jobs`.
    static func parents(of ids: [JobID]) -> Query {
        Query(
            "jobs_parents",
            "SELECT parent_id FROM jobs WHERE id = ANY(\(ids.map(\.rawValue))) AND parent_id IS NOT NULL"
        )
    }

    /// Runs that failed for good without anybody to tell their parents: their numbers, their parents and why.
    ///
    /// Primary keys of `jobs` and `dead_letters`. The caller holds the rows' locks.
    static func crashed(_ ids: [JobID]) -> Query {
        Query(
            "runs_crashed",
            """
            SELECT j.id, j.parent_id, j.parent_event, d.kind, coalesce(j.error, '')
            FROM jobs j JOIN dead_letters d ON d.job_id = j.id
            WHERE j.id = ANY(\(ids.map(\.rawValue))) AND j.state = 'failed'
            """
        )
    }

    /// Forgets fan-ins of parents that no longer exist.
    ///
    /// Goes through `fan_ins`, which has a row per fan-out that is under way; looks each parent up in `jobs`.
    package static func forgetFanIns() -> Query {
        Query(
            "fan_ins_forget",
            "DELETE FROM fan_ins f WHERE (SELECT j.id FROM jobs j WHERE j.id = f.job_id) IS NULL"
        )
    }
}

/// Why a run is in `orphaned_runs`; what is cancelled for it keeps this as its error.
enum Orphan: String {
    case parentEnded = "its parent ended"
    case parentAsked = "its parent cancelled it"
    /// It has ended already, in the hands of dead workers: its parent is to be told, and its children are to end.
    case crashed = "its workers died"
}
