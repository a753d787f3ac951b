package import Postgres

/// What operators see of runs.
///
/// No statement reads more than a window of rows: where no index tells which runs are meant, `jobs` is walked back from
/// the newest, one window a statement.
package enum RunView {
    /// Where a run stands, of a row `j`.
    static let standing: SQL =
        "CASE WHEN j.paused AND j.state IN ('waiting', 'scheduled') THEN 'paused' ELSE j.state::text END"

    private static let columns: SQL = """
        j.id, j.name, j.queue, j.is_run, j.state, j.paused, j.epoch, j.generation, j.failures, j.code_version,
        j.parent_id, j.parent_event, j.wake_at, j.waiting_for, j.error, j.created_at, j.finished_at
        """

    /// What ``Workflows`` reads of a row `j`.
    private static let summary: SQL = """
        j.id, j.name, j.queue, \(fragment: standing), j.paused, j.epoch, j.generation, j.failures, j.code_version,
        j.parent_id, j.parent_event, j.wake_at, j.waiting_for, j.error, j.created_at, j.finished_at
        """

    /// One window of the runs that match, newest first.
    ///
    /// Each row begins with the smallest number that was looked at and with how many were; both come alone if nothing
    /// matches.
    ///
    /// `job_keys_pkey`, `jobs_parent`, `run_attributes_value`, `jobs_paused`, `dead_letters_pkey`, the open `claims`,
    /// or the primary key of `jobs`: the first of these that the filter allows.
    package static func page(_ filter: RunFilter, before: JobID, window: Int, limit: Int) -> Query {
        Query(
            "view_runs",
            """
            WITH looked AS MATERIALIZED (
                \(fragment: source(filter, before: before, window: Int64(window)))
            )
            SELECT w.least, w.number, v.*
            FROM (SELECT min(id) AS least, count(*) AS number FROM looked) w
            LEFT JOIN LATERAL (
                SELECT \(fragment: summary) FROM looked j
                WHERE \(fragment: filter.condition) ORDER BY j.id DESC LIMIT \(Int64(limit))
            ) v ON true
            """
        )
    }

    private static func source(_ filter: RunFilter, before: JobID, window: Int64) -> SQL {
        let before = before.rawValue
        let ids: SQL
        if let key = filter.key {
            ids = "SELECT job_id AS id FROM job_keys WHERE key = \(key) AND job_id < \(before)"
        } else if let parent = filter.parent {
            ids = """
                SELECT id FROM jobs WHERE parent_id = \(parent.rawValue) AND id < \(before)
                ORDER BY id DESC LIMIT \(window)
                """
        } else if let attribute = filter.attribute {
            ids = """
                SELECT job_id AS id FROM run_attributes
                WHERE name = \(attribute.name) AND value = \(attribute.value) AND job_id < \(before)
                ORDER BY job_id DESC LIMIT \(window)
                """
        } else if filter.state == .paused {
            ids = "SELECT id FROM jobs WHERE paused AND id < \(before) ORDER BY id DESC LIMIT \(window)"
        } else if filter.state == .failed {
            // With a column that no index has: to read an index by something else whole looks cheaper than this key.
            ids = """
                SELECT job_id AS id FROM dead_letters WHERE job_id < \(before) AND kind IS NOT NULL
                ORDER BY job_id DESC LIMIT \(window)
                """
        } else if filter.state == .running {
            ids = """
                SELECT id FROM (SELECT unnest(job_ids) AS id FROM claims WHERE is_run) c WHERE id < \(before)
                ORDER BY id DESC LIMIT \(window)
                """
        } else {
            return """
                SELECT \(fragment: columns) FROM jobs j WHERE j.id < \(before) ORDER BY j.id DESC LIMIT \(window)
                """
        }
        return """
            SELECT \(fragment: columns) FROM (\(fragment: ids)) f
            CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = f.id OFFSET 0) j
            """
    }

    /// How many numbers ``page(_:before:window:limit:)`` had better look at in one statement.
    package static func window(for filter: RunFilter) -> Int {
        let isIndexed =
            filter.key != nil || filter.parent != nil || filter.attribute != nil
            || [.paused, .running, .failed].contains(filter.state)
        return isIndexed ? 1000 : 5000
    }

    /// A run, with what it was given and what it returned.
    ///
    /// Primary key of `jobs`.
    package static func run(_ id: JobID) -> Query {
        Query(
            "view_run",
            """
            SELECT \(fragment: summary), j.input, j.output FROM jobs j WHERE j.id = \(id.rawValue) AND j.is_run
            """
        )
    }

    /// What a run has recorded, in that order.
    ///
    /// Primary keys of `jobs` and `checkpoints`. What one statement kept may be of the same microsecond; then it lies in
    /// the table in the order in which it was recorded.
    package static func steps(of id: JobID) -> Query {
        Query(
            "view_run_steps",
            """
            SELECT c.key, c.kind, c.value, c.epoch, c.recorded_at
            FROM jobs j JOIN checkpoints c ON c.job_id = j.id AND c.generation = j.generation
            WHERE j.id = \(id.rawValue) ORDER BY c.recorded_at, c.ctid
            """
        )
    }

    /// What a run was told.
    ///
    /// Primary key of `events`.
    package static func events(of id: JobID) -> Query {
        Query(
            "view_run_events",
            """
            SELECT name, payload, recorded_at FROM events WHERE job_id = \(id.rawValue) ORDER BY recorded_at, name
            """
        )
    }

    /// What a run shows.
    ///
    /// Primary key of `run_values`.
    package static func values(of id: JobID) -> Query {
        Query(
            "view_run_values",
            "SELECT name, value, recorded_at FROM run_values WHERE job_id = \(id.rawValue) ORDER BY name"
        )
    }

    /// One value that a run shows.
    ///
    /// Primary key of `run_values`.
    package static func value(_ name: String, of id: JobID) -> Query {
        Query(
            "view_run_value",
            "SELECT value FROM run_values WHERE job_id = \(id.rawValue) AND name = \(name)"
        )
    }

    /// What a run is found by.
    ///
    /// Primary key of `run_attributes`.
    package static func attributes(of id: JobID) -> Query {
        Query(
            "view_run_attributes",
            "SELECT name, value FROM run_attributes WHERE job_id = \(id.rawValue) ORDER BY name"
        )
    }

    /// The first children of a run, oldest first.
    ///
    /// `jobs_parent`.
    package static func children(of id: JobID, limit: Int = 1000) -> Query {
        Query(
            "view_run_children",
            """
            SELECT \(fragment: summary) FROM jobs j WHERE j.parent_id = \(id.rawValue)
            ORDER BY j.id LIMIT \(Int64(limit))
            """
        )
    }
}
