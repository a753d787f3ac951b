package import Postgres
internal import Reactor

/// The slot and the publication by which a capture reads the server's log.
package struct CaptureSlot: Sendable {
    /// What the server says of a slot.
    package struct State: Sendable, Equatable {
        /// Who decodes.
        package let plugin: String?
        /// Whose log.
        package let database: String?
        /// The server's process that reads for somebody.
        package let reader: Int?
        /// `reserved`, `extended`, `unreserved` or `lost`; nil for a slot that was never used.
        package let status: String?
        /// What need not be sent again.
        package let confirmed: LSN?
        /// How many bytes of its log the server keeps because of it.
        package let retained: Int64
        /// How many bytes of log were written since what need not be sent again.
        package let behind: Int64
    }

    let postgres: PostgresClient
    /// The slot's name.
    package let name: String
    /// The publication's name.
    package let publication: String

    /// What the server says of it; nil when there is none of that name.
    ///
    /// - Throws: `PostgresError`.
    package func state() async throws -> State? {
        let row = try await postgres.first(
            Query(
                "capture.slot",
                """
                SELECT s.plugin::text, s.database::text, s.active_pid, s.wal_status, s.confirmed_flush_lsn::text,
                    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::int8,
                    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn), 0)::int8
                FROM pg_replication_slots s WHERE s.slot_name = \(name)
                """
            )
        )
        guard let row else { return nil }
        let confirmed: String? = try row[4]
        return State(
            plugin: try row[0],
            database: try row[1],
            reader: try row[2],
            status: try row[3],
            confirmed: confirmed.flatMap { LSN($0) },
            retained: try row[5],
            behind: try row[6]
        )
    }

    // MARK: Making

    /// Sees to it that the server can decode, and that there is a publication of the log.
    ///
    /// - Throws: ``CaptureProblem`` or `PostgresError`.
    func publish(schema: String) async throws {
        let level: String = try await postgres.query(
            Query("capture.wal_level", "SELECT current_setting('wal_level')")
        )[0][0]
        guard level == "logical" else { throw CaptureProblem.notLogical(level: level) }
        if try await checkPublication(schema: schema) { return }
        do {
            try await postgres.execute(
                Query(
                    "capture.publish",
                    """
                    CREATE PUBLICATION \(identifier: publication) FOR TABLE \(identifier: schema).facts
                    WITH (publish = 'insert', publish_via_partition_root = true)
                    """
                )
            )
        } catch let error as PostgresError where error.sqlState == .duplicateObject {
            _ = try await checkPublication(schema: schema)
        }
    }

    /// - Returns: Whether there is one.
    private func checkPublication(schema: String) async throws -> Bool {
        let row = try await postgres.first(
            Query(
                "capture.publication",
                """
                SELECT p.pubinsert AND p.pubviaroot, EXISTS (
                    SELECT FROM pg_publication_tables t
                    WHERE t.pubname = p.pubname AND t.schemaname = \(schema) AND t.tablename = 'facts'
                )
                FROM pg_publication p WHERE p.pubname = \(publication)
                """
            )
        )
        guard let row else { return false }
        guard try row[0] else {
            throw CaptureProblem.publicationUnfit(
                publication,
                reason: "it needs publish = 'insert' and publish_via_partition_root = true"
            )
        }
        guard try row[1] else {
            throw CaptureProblem.publicationUnfit(publication, reason: "it lacks \(schema).facts")
        }
        return true
    }

    /// Refuses a slot that isn't ours to read.
    func check(_ state: State, told: Int64) async throws {
        let database: String = try await postgres.query(
            Query("capture.database", "SELECT current_database()::text")
        )[0][0]
        guard state.database == database else {
            throw CaptureProblem.slotForeign(
                name,
                reason: "it is of the database \(state.database ?? "none")"
            )
        }
        guard state.plugin == "pgoutput" else {
            throw CaptureProblem.slotForeign(name, reason: "its plugin is \(state.plugin ?? "none")")
        }
        guard state.status != "lost" else { throw CaptureProblem.slotLost(name, told: told) }
    }

    /// Makes the slot; waits until transactions that run now have ended.
    func make() async throws {
        let connection = try await ReplicationConnection(postgres.configuration, on: postgres.loops.next())
        defer { connection.close() }
        _ = try await connection.createSlot(name)
    }

    // MARK: Dropping

    /// Drops the slot, if there is one; waits a moment for its reader, which may just be going.
    ///
    /// - Throws: `PostgresError`, `objectInUse` when somebody goes on reading.
    func drop() async throws {
        for attempt in 0... {
            do {
                try await postgres.execute(
                    Query(
                        "capture.drop",
                        """
                        SELECT pg_drop_replication_slot(s.slot_name) FROM pg_replication_slots s
                        WHERE s.slot_name = \(name)
                        """
                    )
                )
                return
            } catch let error as PostgresError where error.sqlState == .undefinedObject {
                return
            } catch let error as PostgresError where error.sqlState == .objectInUse && attempt < 100 {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Drops the publication, if there is one.
    func unpublish() async throws {
        try await postgres.execute(
            Query("capture.unpublish", "DROP PUBLICATION IF EXISTS \(identifier: publication)")
        )
    }
}
