public import Migrations
public import Postgres

/// Brings a schema to the version this program knows.
///
/// For example:
/// ```swift
/// let applied = try await Migrator(client, schema: "usher").migrate()
/// ```
/// Each migration is a transaction of its own, which holds an advisory lock of the schema and looks again under it what
/// others have applied: any number may migrate at once, through a pooler as well. The client's configuration must have
/// the same schema on its search path.
public struct Migrator: Sendable {
    /// How a migration stands.
    public enum State: Sendable, Hashable {
        /// Not applied yet.
        case pending
        /// Applied.
        case applied(at: PostgresTimestamp)
        /// Applied, but the program's text is not the one that was applied.
        case edited(appliedAt: PostgresTimestamp)
        /// Applied by a newer program.
        case unknown(appliedAt: PostgresTimestamp)
    }

    /// A migration and how it stands.
    public struct Status: Sendable, Hashable {
        /// Its number.
        public let number: Int
        /// What it is about.
        public let name: String
        /// How it stands.
        public let state: State
    }

    private struct Record {
        let number: Int
        let name: String
        let checksum: [UInt8]
        let appliedAt: PostgresTimestamp
    }

    private let client: PostgresClient
    private let schema: String
    private let migrations: [Migration]

    /// Makes a migrator.
    ///
    /// - Parameters:
    ///   - client: connections with `schema` on their search path.
    ///   - schema: the schema to create and to bring up to date.
    ///   - migrations: what to apply, in any order.
    public init(_ client: PostgresClient, schema: String, migrations: [Migration] = Migrations.all) {
        self.client = client
        self.schema = schema
        self.migrations = migrations.sorted { $0.number < $1.number }
    }

    /// Applies what is pending.
    ///
    /// - Returns: what was applied, in order.
    /// - Throws: ``PostgresError`` on one line: code `configuration` when the schema is newer than the program, or a
    ///   migration was edited after it was applied; then nothing is changed.
    @discardableResult
    public func migrate() async throws -> [Migration] {
        try await client.withConnection { try await applyPending(on: $0) }
    }

    /// How each migration stands.
    ///
    /// Changes nothing.
    ///
    /// - Throws: ``PostgresError``.
    public func status() async throws -> [Status] {
        try await client.withConnection { connection in
            let records = try await records(on: connection)
            let checksums = try await checksums(on: connection)
            var statuses = migrations.enumerated().map { index, migration in
                let record = records.first { $0.number == migration.number }
                let state: State =
                    switch record {
                    case nil: .pending
                    case let record? where record.checksum == checksums[index]: .applied(at: record.appliedAt)
                    case let record?: .edited(appliedAt: record.appliedAt)
                    }
                return Status(number: migration.number, name: migration.name, state: state)
            }
            for record in records where !migrations.contains(where: { $0.number == record.number }) {
                statuses.append(
                    Status(
                        number: record.number,
                        name: record.name,
                        state: .unknown(appliedAt: record.appliedAt)
                    )
                )
            }
            return statuses.sorted { $0.number < $1.number }
        }
    }

    // MARK: Inside

    private func applyPending(on connection: borrowing PostgresConnectionHandle) async throws -> [Migration] {
        let records = try await records(on: connection)
        let checksums = try await checksums(on: connection)
        if let newer = records.last(where: { record in !migrations.contains { $0.number == record.number } })
        {
            throw PostgresError(
                .configuration,
                "schema \(schema) is newer than this program: it has migration "
                    + "\(label(newer.number, newer.name)), which is not known here"
            )
        }
        var pending: [(migration: Migration, checksum: [UInt8])] = []
        for (migration, checksum) in zip(migrations, checksums) {
            guard let record = records.first(where: { $0.number == migration.number }) else {
                pending.append((migration, checksum))
                continue
            }
            guard record.checksum == checksum else {
                throw PostgresError(
                    .configuration,
                    "migration \(label(migration.number, migration.name)) was edited after it was applied to schema "
                        + "\(schema); add a new one instead"
                )
            }
        }
        guard !pending.isEmpty else { return [] }
        try await prepareSchema(on: connection)
        var applied: [Migration] = []
        for (migration, checksum) in pending where try await apply(migration, checksum, on: connection) {
            applied.append(migration)
        }
        return applied
    }

    /// Held until the end of the transaction: the end of a session would be the pooler's business.
    private var lock: Query {
        Query(
            "migrate.lock",
            "SELECT pg_advisory_xact_lock(hashtextextended(\("usher_migrate " + schema), 0))"
        )
    }

    private func prepareSchema(on connection: borrowing PostgresConnectionHandle) async throws {
        try await connection.withTransaction { transaction in
            try await transaction.execute(lock)
            try await transaction.commit(after: [
                Query("migrate.schema", "CREATE SCHEMA IF NOT EXISTS \(identifier: schema)"),
                Query(
                    "migrate.table",
                    """
                    CREATE TABLE IF NOT EXISTS \(identifier: schema).usher_migrations (
                        number int PRIMARY KEY,
                        name text NOT NULL,
                        checksum bytea NOT NULL,
                        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
                    )
                    """
                ),
            ])
        }
    }

    /// Applies a migration, unless somebody else has in the meantime.
    ///
    /// - Returns: whether it was to be done.
    private func apply(
        _ migration: Migration,
        _ checksum: [UInt8],
        on connection: borrowing PostgresConnectionHandle
    ) async throws -> Bool {
        do {
            return try await connection.withTransaction { transaction in
                try await transaction.execute(lock)
                let others = try await transaction.query(
                    Query(
                        "migrate.look",
                        """
                        SELECT checksum FROM \(identifier: schema).usher_migrations
                        WHERE number = \(Int32(migration.number))
                        """
                    )
                )
                if let other = others.first {
                    guard try other[0] == checksum else {
                        throw PostgresError(
                            .configuration,
                            "somebody else has just applied another of its number"
                        )
                    }
                    return false
                }
                // Whatever else is on the search path, a migration creates its tables in this schema.
                try await transaction.execute(
                    Query(
                        "migrate.path",
                        "SELECT set_config('search_path', \(SQL.quoted(identifier: schema)), true)"
                    )
                )
                try await transaction.simple(migration.sql)
                try await transaction.execute(
                    Query(
                        "migrate.record",
                        """
                        INSERT INTO \(identifier: schema).usher_migrations (number, name, checksum)
                        VALUES (\(Int32(migration.number)), \(migration.name), \(checksum))
                        """
                    )
                )
                return true
            }
        } catch var error as PostgresError {
            error.message = "migration \(label(migration.number, migration.name)) failed: \(error.message)"
            throw error
        }
    }

    private func records(on connection: borrowing PostgresConnectionHandle) async throws -> [Record] {
        let table = "\(SQL.quoted(identifier: schema)).usher_migrations"
        let exists = try await connection.first(
            Query("migrate.exists", "SELECT to_regclass(\(table)) IS NOT NULL")
        )
        guard try exists?[0] ?? false else { return [] }
        let rows = try await connection.query(
            Query(
                "migrate.records",
                "SELECT number, name, checksum, applied_at FROM \(identifier: schema).usher_migrations ORDER BY number"
            )
        )
        return try rows.map { row in
            Record(
                number: try row[0],
                name: try row[1],
                checksum: try row[2],
                appliedAt: try row[3]
            )
        }
    }

    /// SHA-256 of each migration, computed by the server.
    private func checksums(on connection: borrowing PostgresConnectionHandle) async throws -> [[UInt8]] {
        let texts = migrations.map { Array($0.sql.utf8) }
        let rows = try await connection.query(
            Query(
                "migrate.checksums",
                "SELECT sha256(text) FROM unnest(\(texts)) WITH ORDINALITY AS all_texts (text, place) ORDER BY place"
            )
        )
        return try rows.map { try $0[0] }
    }

    private func label(_ number: Int, _ name: String) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
    }
}
