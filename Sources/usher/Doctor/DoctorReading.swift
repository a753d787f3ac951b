internal import EventLog
internal import Jobs
internal import Postgres

/// What the doctor looks at: the server's settings, and how the house on it is.
struct DoctorReading: Sendable, Equatable {
    /// A queue with something to do, or that does nothing.
    struct Queue: Sendable, Equatable {
        var name: String
        var ready = 0
        var isPaused = false
        var isServed = true
    }

    /// A replication slot.
    struct Slot: Sendable, Equatable {
        var name: String
        var isActive: Bool
        /// Bytes of its log that the server keeps because of it.
        var retained: Int64
    }

    /// A table with many dead rows.
    struct Table: Sendable, Equatable {
        var name: String
        var rows: Int64
        var dead: Int64
    }

    /// By name, as the server says them; sizes in bytes and times in milliseconds where they are numbers.
    var settings: [String: String]
    /// Connections that are open, of all databases.
    var connections = 0
    /// How far the server's clock is from ours; positive is ahead.
    var clockSkew = Duration.zero
    var slots: [Slot] = []
    /// Transactions that were prepared and never ended.
    var prepared = 0
    /// How long the oldest transaction runs.
    var oldestTransaction = Duration.zero
    var tables: [Table] = []
    /// Whether some scheduler leads.
    var hasScheduler = true
    var queues: [Queue] = []
    /// Consumers of events that are behind, and nobody works for.
    var forsakenConsumers: [String] = []

    /// Reads it.
    ///
    /// - Throws: `PostgresError`.
    static func read(from postgres: PostgresClient) async throws -> Self {
        let rows = try await postgres.query(
            Query(
                "doctor.settings",
                """
                SELECT name, CASE unit
                        WHEN '8kB' THEN (setting::bigint * 8192)::text WHEN 'kB' THEN (setting::bigint * 1024)::text
                        WHEN 'MB' THEN (setting::bigint * 1048576)::text
                        WHEN 's' THEN (setting::bigint * 1000)::text WHEN 'min' THEN (setting::bigint * 60000)::text
                        ELSE setting END
                FROM pg_settings WHERE name = ANY (\(Doctor.settings))
                """
            )
        )
        var reading = Self(settings: Dictionary(try rows.map { (try $0[0], try $0[1]) }) { $1 })
        // Half of the way is what the answer took.
        let before = PostgresTimestamp.now
        let server: PostgresTimestamp = try await postgres.query(
            Query("doctor.clock", "SELECT clock_timestamp()")
        )[0][0]
        let after = PostgresTimestamp.now
        reading.clockSkew = server - (before + (after - before) / 2)
        let row = try await postgres.query(
            Query(
                "doctor.server",
                """
                SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                    (SELECT count(*) FROM pg_prepared_xacts),
                    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
                        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
                    EXISTS (SELECT FROM leases WHERE expires_at > clock_timestamp())
                """
            )
        )[0]
        reading.connections = try row[0]
        reading.prepared = try row[1]
        reading.oldestTransaction = .seconds(try row[2] as Double)
        reading.hasScheduler = try row[3]
        reading.slots = try await postgres.query(
            Query(
                "doctor.slots",
                """
                SELECT slot_name::text, active,
                    CASE WHEN pg_is_in_recovery() THEN 0
                        ELSE coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::int8 END
                FROM pg_replication_slots ORDER BY 1
                """
            )
        ).map { Slot(name: try $0[0], isActive: try $0[1], retained: try $0[2]) }
        reading.tables = try await postgres.query(
            Query(
                "doctor.tables",
                """
                SELECT relname::text, n_live_tup, n_dead_tup FROM pg_stat_user_tables
                WHERE schemaname = current_schema() AND n_dead_tup > 100000 AND n_dead_tup > n_live_tup
                ORDER BY n_dead_tup DESC LIMIT 5
                """
            )
        ).map { Table(name: try $0[0], rows: try $0[1], dead: try $0[2]) }
        reading.queues = try await postgres.query(
            Query(
                "doctor.queues",
                """
                SELECT q.name, q.paused,
                    EXISTS (SELECT FROM ready r
                        WHERE r.lane >= q.first_lane AND r.lane < q.first_lane + 2 * q.lanes),
                    EXISTS (SELECT FROM workers w WHERE q.name = ANY (w.queues))
                FROM queues q ORDER BY q.name
                """
            )
        ).map { row in
            Queue(name: try row[0], ready: try row[2] ? 1 : 0, isPaused: try row[1], isServed: try row[3])
        }
        reading.forsakenConsumers = try await ConsumerView.all(in: postgres).filter { view in
            view.parts.contains { $0.holder == nil && $0.behind > 0 }
        }.map(\.name)
        return reading
    }
}
