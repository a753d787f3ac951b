internal import Reactor

/// A transaction under way.
///
/// It is lent to the body of ``PostgresClient/withTransaction(_:_:)`` and can't be copied, so it can't outlive it.
public struct Transaction: PostgresExecutor, ~Copyable {
    let connection: PostgresConnection
    private let depth: Int
    private var isCommitted = false

    private init(connection: PostgresConnection, depth: Int) {
        self.connection = connection
        self.depth = depth
    }

    // MARK: Statements

    /// Runs one statement.
    ///
    /// - Returns: its rows.
    /// - Throws: ``PostgresError``; after one from the server, only a rollback is of use.
    public func query(_ query: Query) async throws -> [Row] {
        try await run([query])[0].rows(of: query)
    }

    /// Runs one statement.
    ///
    /// - Returns: how many rows it inserted, changed, deleted or returned.
    /// - Throws: ``PostgresError``; after one from the server, only a rollback is of use.
    @discardableResult
    public func execute(_ query: Query) async throws -> Int {
        try await run([query])[0].affected
    }

    /// Runs statements in one round trip.
    ///
    /// - Returns: the rows of each.
    /// - Throws: ``PostgresError`` of the first statement that failed.
    @discardableResult
    public func pipeline(_ queries: [Query]) async throws -> [[Row]] {
        zip(try await run(queries), queries).map { $0.rows(of: $1) }
    }

    private func run(_ queries: [Query]) async throws -> [ResultSet] {
        guard !isCommitted else { throw PostgresError(.misuse, "the transaction is committed already") }
        return try await connection.run(queries)
    }

    /// Runs a script of several statements.
    package func simple(_ script: String) async throws {
        try await connection.runScript(script)
    }

    // MARK: COPY

    /// Runs a `COPY … FROM STDIN`.
    ///
    /// - Parameters:
    ///   - query: the statement, without parameters.
    ///   - body: writes the data; when it throws, nothing is copied.
    /// - Returns: how many rows were copied.
    /// - Throws: what `body` threw, or ``PostgresError``.
    @discardableResult
    public func copyIn(
        _ query: Query,
        _ body: (inout CopyWriter) async throws -> Void
    ) async throws -> Int {
        try await connection.copyIn(query, body)
    }

    /// Runs a `COPY … TO STDOUT`.
    ///
    /// - Parameters:
    ///   - query: the statement, without parameters.
    ///   - body: is given the data row by row, in the statement's format; while it is slow, the server waits.
    /// - Returns: how many rows were copied.
    /// - Throws: what `body` threw, or ``PostgresError``.
    @discardableResult
    public func copyOut(
        _ query: Query,
        _ body: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        try await connection.copyOut(query, body)
    }

    // MARK: Ends

    /// Runs the last statements and COMMIT in one round trip, so that locks they take are held for no longer.
    ///
    /// Nothing can be run after it.
    ///
    /// - Returns: the rows of each.
    /// - Throws: ``PostgresError`` of the first statement that failed, which rolls back; code `commitUnknown` when
    ///   the connection died.
    @discardableResult
    public mutating func commit(after queries: [Query]) async throws -> [[Row]] {
        guard depth == 0 else { throw PostgresError(.misuse, "a savepoint can't be committed by itself") }
        guard !isCommitted else { throw PostgresError(.misuse, "the transaction is committed already") }
        let results = try await Self.commit(connection, after: queries)
        isCommitted = true
        return zip(results, queries).map { $0.rows(of: $1) }
    }

    /// Runs a part that can fail by itself: when `body` throws, only what it did is undone.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw, or ``PostgresError``.
    @discardableResult
    public mutating func savepoint<Result>(
        _ body: (inout Transaction) async throws -> Result
    ) async throws -> Result {
        let name = "usher_\(depth + 1)"
        try await execute(Query("savepoint", "SAVEPOINT \(identifier: name)"))
        var inner = Transaction(connection: connection, depth: depth + 1)
        do {
            let result = try await body(&inner)
            try await execute(Query("savepoint.release", "RELEASE SAVEPOINT \(identifier: name)"))
            return result
        } catch {
            if connection.state != .unusable {
                let undo = [
                    Query("savepoint.undo", "ROLLBACK TO SAVEPOINT \(identifier: name)"),
                    Query("savepoint.release", "RELEASE SAVEPOINT \(identifier: name)"),
                ]
                _ = try? await connection.run(undo, isCancellable: false)
            }
            throw error
        }
    }

    static func run<Result>(
        on connection: PostgresConnection,
        _ options: TransactionOptions,
        _ body: (inout Transaction) async throws -> Result
    ) async throws -> Result {
        connection.begin(with: beginning(options))
        var transaction = Transaction(connection: connection, depth: 0)
        do {
            let result = try await body(&transaction)
            if !transaction.isCommitted, !connection.forgetBegin() { try await commit(connection, after: []) }
            return result
        } catch {
            if !connection.forgetBegin(), connection.state == .inTransaction {
                // Should this fail, the pool sees that the connection is not idle, and closes it.
                _ = try? await connection.run([Query("rollback", "ROLLBACK")], isCancellable: false)
            }
            throw error
        }
    }

    @discardableResult
    private static func commit(
        _ connection: PostgresConnection,
        after queries: [Query]
    ) async throws -> [ResultSet] {
        guard connection.state != .unusable else {
            throw PostgresError(
                .connection,
                "the connection was lost before COMMIT, so nothing was committed"
            )
        }
        let commit = Query("commit", "COMMIT")
        do {
            let results = try await connection.run(queries + [commit], isCancellable: false)
            guard results.last?.commandTag == "COMMIT" else {
                throw PostgresError(.rolledBack, "an earlier statement failed, so COMMIT rolled back").about(
                    commit
                )
            }
            return results
        } catch let error as PostgresError where error.code == .connection {
            var unknown = error
            unknown.code = .commitUnknown
            throw unknown
        }
    }

    private static func beginning(_ options: TransactionOptions) -> [Query] {
        var modes = ""
        if let isolation = options.isolation { modes += " ISOLATION LEVEL \(isolation.rawValue)" }
        if options.readOnly { modes += " READ ONLY" }
        var queries = [Query("begin", SQL(stringLiteral: "BEGIN" + modes))]
        for (setting, limit) in [
            ("lock_timeout", options.lockTimeout), ("statement_timeout", options.statementTimeout),
            ("idle_in_transaction_session_timeout", options.idleTimeout),
        ] {
            guard let limit else { continue }
            // Zero would mean no limit at all.
            let milliseconds = max(1, limit.microseconds / 1000)
            queries.append(Query("begin.limit", SQL(stringLiteral: "SET LOCAL \(setting) = \(milliseconds)")))
        }
        return queries
    }
}
