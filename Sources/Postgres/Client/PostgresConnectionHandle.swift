/// One connection, lent by the pool for the length of a closure.
public struct PostgresConnectionHandle: PostgresExecutor, ~Copyable {
    let connection: PostgresConnection

    /// Runs one statement.
    ///
    /// - Returns: its rows.
    /// - Throws: ``PostgresError``.
    public func query(_ query: Query) async throws -> [Row] {
        try await connection.run([query])[0].rows(of: query)
    }

    /// Runs one statement.
    ///
    /// - Returns: how many rows it inserted, changed, deleted or returned.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func execute(_ query: Query) async throws -> Int {
        try await connection.run([query])[0].affected
    }

    /// Runs statements in one round trip and, outside a transaction, as one transaction.
    ///
    /// - Returns: the rows of each.
    /// - Throws: ``PostgresError`` of the first statement that failed.
    @discardableResult
    public func pipeline(_ queries: [Query]) async throws -> [[Row]] {
        zip(try await connection.run(queries), queries).map { $0.rows(of: $1) }
    }

    /// Runs a script of several statements, which are one transaction.
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

    /// Runs a transaction on this connection: committed when `body` returns, rolled back when it throws.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw, or ``PostgresError``.
    @discardableResult
    public func withTransaction<Result>(
        _ options: TransactionOptions = .init(),
        _ body: (inout Transaction) async throws -> Result
    ) async throws -> Result {
        try await Transaction.run(on: connection, options, body)
    }

    /// The server's process that serves this connection.
    package func backend() async throws -> Int32 {
        try await connection.backend()
    }
}
