internal import Jobs
internal import Postgres

/// The statements that load and keep what runs have done.
enum WorkflowStatements {
    /// Checkpoints of runs, each of its current generation, in the order in which they were recorded.
    ///
    /// Primary key of `checkpoints`.
    static func checkpoints(of jobs: [ClaimedJob]) -> Query {
        Query(
            "checkpoints_load",
            """
            SELECT c.job_id, c.key, c.kind, c.value
            FROM unnest(\(jobs.map(\.id.rawValue)), \(jobs.map(\.generation))) AS g (job_id, generation)
            JOIN checkpoints c ON c.job_id = g.job_id AND c.generation = g.generation
            ORDER BY c.job_id, c.recorded_at
            """
        )
    }

    /// Events of runs.
    ///
    /// Primary key of `events`.
    static func events(of ids: [JobID]) -> Query {
        Query(
            "events_load",
            "SELECT job_id, name, payload FROM events WHERE job_id = ANY(\(ids.map(\.rawValue)))"
        )
    }

    /// Keeps checkpoints.
    ///
    /// A wait or a retry is written over by its later state. Primary key of `checkpoints`.
    static func keep(_ rows: [(job: ClaimedJob, key: String, checkpoint: Checkpoint)]) -> Query {
        Query(
            "checkpoints_keep",
            """
            INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch)
            SELECT * FROM unnest(
                \(rows.map(\.job.id.rawValue)), \(rows.map(\.job.generation)), \(rows.map(\.key)),
                \(rows.map(\.checkpoint.kind.rawValue)), \(rows.map(\.checkpoint.value)), \(rows.map(\.job.epoch))
            )
            ON CONFLICT (job_id, generation, key) DO UPDATE SET
                kind = excluded.kind, value = excluded.value, epoch = excluded.epoch,
                recorded_at = excluded.recorded_at
            """
        )
    }

    /// Keeps the checkpoints of runs that have none.
    static func add(_ rows: [(job: ClaimedJob, key: String, checkpoint: Checkpoint)]) -> Query {
        Query(
            "checkpoints_add",
            """
            INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch)
            SELECT * FROM unnest(
                \(rows.map(\.job.id.rawValue)), \(rows.map(\.job.generation)), \(rows.map(\.key)),
                \(rows.map(\.checkpoint.kind.rawValue)), \(rows.map(\.checkpoint.value)), \(rows.map(\.job.epoch))
            )
            """
        )
    }

    /// Publishes values, the last of a name wins, and attributes.
    ///
    /// Primary keys of `run_values` and `run_attributes`.
    static func publish(_ values: [(id: JobID, name: String, value: PublishedValue)]) -> [Query] {
        var queries: [Query] = []
        let shown = values.filter { !$0.value.isAttribute }
        if !shown.isEmpty {
            queries.append(
                Query(
                    "run_values_publish",
                    """
                    INSERT INTO run_values AS v (job_id, name, value)
                    SELECT * FROM unnest(
                        \(shown.map(\.id.rawValue)), \(shown.map(\.name)), \(shown.map(\.value.json))
                    )
                    ON CONFLICT (job_id, name) DO UPDATE SET
                        value = excluded.value, recorded_at = excluded.recorded_at
                    WHERE v.value <> excluded.value
                    """
                )
            )
        }
        let attributes = values.filter(\.value.isAttribute)
        if !attributes.isEmpty {
            queries.append(
                Query(
                    "run_attributes_publish",
                    """
                    INSERT INTO run_attributes AS a (job_id, name, value)
                    SELECT * FROM unnest(
                        \(attributes.map(\.id.rawValue)), \(attributes.map(\.name)), \(attributes.map(\.value.json))
                    )
                    ON CONFLICT (job_id, name) DO UPDATE SET value = excluded.value
                    WHERE a.value <> excluded.value
                    """
                )
            )
        }
        return queries
    }

    /// How many updates of a kind a run has been sent.
    ///
    /// Primary key of `events`.
    static func countUpdates(_ name: String, of run: JobID) -> Query {
        Query(
            "updates_count",
            """
            SELECT count(*) FROM events
            WHERE job_id = \(run.rawValue) AND starts_with(name, \(UpdateNames.request(name, 0).dropLast().description))
            """
        )
    }

    /// What a run has answered, null while it has not, and whether it can still.
    ///
    /// Primary keys of `jobs` and `run_values`.
    static func reply(_ name: String, of run: JobID) -> Query {
        Query(
            "updates_reply",
            """
            SELECT v.value, j.state NOT IN ('done', 'failed', 'cancelled')
            FROM jobs j LEFT JOIN run_values v ON v.job_id = j.id AND v.name = \(name)
            WHERE j.id = \(run.rawValue)
            """
        )
    }

    /// What a fork was given that a codec may have encoded: 0 checkpoints, 1 events, 2 values.
    ///
    /// Primary keys of all three.
    static func copies(of fork: JobID) -> Query {
        Query(
            "runs_fork_copies",
            """
            SELECT 0, key, value FROM checkpoints
            WHERE job_id = \(fork.rawValue) AND kind IN (
                \(Checkpoint.Kind.result.rawValue), \(Checkpoint.Kind.child.rawValue))
            UNION ALL SELECT 1, name, payload FROM events WHERE job_id = \(fork.rawValue)
            UNION ALL SELECT 2, name, value FROM run_values WHERE job_id = \(fork.rawValue)
            """
        )
    }

    /// Writes what a fork was given over.
    ///
    /// Primary keys of `checkpoints`, `events` and `run_values`.
    static func readdress(_ fork: JobID, _ rows: [(table: Int32, name: String, value: JSONB)]) -> Query {
        Query(
            "runs_fork_readdress",
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(\(rows.map(\.table)), \(rows.map(\.name)), \(rows.map(\.value)))
                    AS g (part, name, value)
            ), steps AS (
                UPDATE checkpoints c SET value = g.value FROM given g
                WHERE g.part = 0 AND c.job_id = \(fork.rawValue) AND c.generation = 0 AND c.key = g.name
            ), messages AS (
                UPDATE events e SET payload = g.value FROM given g
                WHERE g.part = 1 AND e.job_id = \(fork.rawValue) AND e.name = g.name
            ), shown AS (
                UPDATE run_values v SET value = g.value FROM given g
                WHERE g.part = 2 AND v.job_id = \(fork.rawValue) AND v.name = g.name
            )
            SELECT count(*) FROM given
            """
        )
    }

    /// Drops what a run that continues as new has left behind.
    ///
    /// Primary key of `checkpoints`.
    static func forget(_ jobs: [ClaimedJob]) -> Query {
        Query(
            "checkpoints_forget",
            """
            DELETE FROM checkpoints c
            USING unnest(\(jobs.map(\.id.rawValue)), \(jobs.map(\.generation))) AS g (job_id, generation)
            WHERE c.job_id = g.job_id AND c.generation <= g.generation
            """
        )
    }
}
