internal import Jobs
internal import Postgres

/// The statements that load and keep what runs have done.
enum WorkflowStatements {
    /// Checkpoints of runs, each of its current generation.
    ///
    /// Primary key of `checkpoints`.
    static func checkpoints(of jobs: [ClaimedJob]) -> Query {
        Query(
            "checkpoints_load",
            """
            SELECT c.job_id, c.key, c.kind, c.value
            FROM unnest(\(jobs.map(\.id.rawValue)), \(jobs.map(\.generation))) AS g (job_id, generation)
            JOIN checkpoints c ON c.job_id = g.job_id AND c.generation = g.generation
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
