package import Reactor

/// A connection that reads the server's log through a slot, on the event loop.
///
/// One task at a time may use it.
package final class ReplicationConnection: Sendable {
    /// Who the server is.
    package struct System: Sendable, Hashable {
        /// The number that each server gets when it is made, and that its standbys share.
        package let identifier: String
        /// Grows with each promotion.
        package let timeline: Int
        /// How much of the log is on disk.
        package let flushed: LSN
        /// The database that the connection is to.
        package let database: String?
    }

    /// A slot that was made.
    package struct Slot: Sendable, Hashable {
        /// Its name.
        package let name: String
        /// All that is committed behind this place is streamed; what was committed before can be read by SQL.
        package let consistentAt: LSN
    }

    private let connection: PostgresConnection

    /// Connects; past a pooler, where one stands between.
    ///
    /// - Parameters:
    ///   - configuration: where the server is and who we are to it; the role needs the attribute REPLICATION.
    ///   - loop: where the connection lives.
    /// - Throws: ``PostgresError``.
    package init(_ configuration: PostgresConfiguration, on loop: EventLoop) async throws {
        guard let configuration = configuration.replicating else {
            throw PostgresError(
                .configuration,
                "a pooler can't pass on the server's log: say where the server itself is"
            )
        }
        connection = PostgresConnection(configuration: configuration, loop: loop)
        do {
            try await connection.open()
            // Values come as their types write themselves, which these decide.
            _ = try await connection.command(
                "replication.settings",
                "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET extra_float_digits = 3; SET bytea_output = 'hex'"
            )
        } catch {
            connection.close()
            throw error
        }
    }

    deinit {
        connection.close()
    }

    /// Closes the connection without waiting for it.
    ///
    /// The slot is free once the server has noticed.
    package func close() {
        connection.close()
    }

    /// Asks who the server is.
    ///
    /// - Throws: ``PostgresError``.
    package func identify() async throws -> System {
        let rows = try await connection.command("replication.identify", "IDENTIFY_SYSTEM")
        guard let row = rows.first, row.count == 4, let identifier = row[0],
            let timeline = row[1].flatMap({ Int($0) }), let flushed = row[2].flatMap({ LSN($0) })
        else { throw PostgresError(.decoding, "IDENTIFY_SYSTEM answered \(rows)") }
        return System(identifier: identifier, timeline: timeline, flushed: flushed, database: row[3])
    }

    /// Makes a slot that decodes with `pgoutput`; waits until transactions that run now have ended.
    ///
    /// - Parameters:
    ///   - name: lower-case letters, digits and underscores.
    ///   - isTemporary: whether it goes with this connection.
    /// - Returns: the slot, and from where on it streams.
    /// - Throws: ``PostgresError``, with the state `duplicateObject` when there is one.
    package func createSlot(_ name: String, isTemporary: Bool = false) async throws -> Slot {
        let rows = try await connection.command(
            "replication.create",
            "CREATE_REPLICATION_SLOT \(SQL.quoted(identifier: name)) \(isTemporary ? "TEMPORARY " : "")"
                + "LOGICAL pgoutput NOEXPORT_SNAPSHOT"
        )
        guard let row = rows.first, row.count == 4, let name = row[0],
            let consistentAt = row[1].flatMap({ LSN($0) })
        else { throw PostgresError(.decoding, "CREATE_REPLICATION_SLOT answered \(rows)") }
        return Slot(name: name, consistentAt: consistentAt)
    }

    /// Drops a slot.
    ///
    /// - Throws: ``PostgresError``: `undefinedObject` when there is none, `objectInUse` when somebody reads from it.
    package func dropSlot(_ name: String) async throws {
        _ = try await connection.command(
            "replication.drop",
            "DROP_REPLICATION_SLOT \(SQL.quoted(identifier: name))"
        )
    }

    /// Begins to stream; afterwards only ``next(within:)`` and ``tell(_:)`` may be used.
    ///
    /// - Parameters:
    ///   - slot: whose log.
    ///   - publications: what of it.
    ///   - start: where to go on; the server goes on at what was confirmed last if that is later.
    ///   - hearsMessages: whether what was written with `pg_logical_emit_message` is wanted, too.
    /// - Throws: ``PostgresError``.
    package func start(
        _ slot: String,
        publications: [String],
        from start: LSN = .none,
        hearsMessages: Bool = false
    ) async throws {
        let names = publications.map { SQL.quoted(identifier: $0) }.joined(separator: ",")
        var options = "proto_version '1', publication_names '\(names.replacing("'", with: "''"))'"
        if hearsMessages { options += ", messages 'true'" }
        try await connection.startStream(
            "START_REPLICATION SLOT \(SQL.quoted(identifier: slot)) LOGICAL \(start) (\(options))"
        )
    }

    /// Waits for something of the stream.
    ///
    /// While nobody waits, nothing is taken from the socket, and the server waits.
    ///
    /// - Parameter patience: how long to wait.
    /// - Returns: what has come, in order; nothing when nothing came in time.
    /// - Throws: ``PostgresError``, also when the server ended the stream.
    package func next(within patience: Duration) async throws -> [ReplicationFrame] {
        try await connection.nextFrames(within: patience)
    }

    /// Tells the server how far we have come.
    ///
    /// - Throws: ``PostgresError``.
    package func tell(_ status: ReplicationStatus) async throws {
        try await connection.send(status)
    }
}
