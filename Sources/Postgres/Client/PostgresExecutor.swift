/// What runs statements: the client, a connection, a transaction.
///
/// Functions that don't mind which take `some PostgresExecutor & ~Copyable`:
/// ```swift
/// func count(_ database: borrowing some PostgresExecutor & ~Copyable) async throws -> Int64
/// ```
public protocol PostgresExecutor: ~Copyable {
    /// Runs one statement.
    ///
    /// - Returns: its rows.
    /// - Throws: ``PostgresError``.
    func query(_ query: Query) async throws -> [Row]

    /// Runs one statement.
    ///
    /// - Returns: how many rows it inserted, changed, deleted or returned.
    /// - Throws: ``PostgresError``.
    @discardableResult
    func execute(_ query: Query) async throws -> Int

    /// Runs statements in one round trip. Outside a transaction they are one transaction of their own.
    ///
    /// An error aborts the statements after it, and is thrown.
    ///
    /// - Returns: the rows of each.
    /// - Throws: ``PostgresError`` of the first statement that failed.
    @discardableResult
    func pipeline(_ queries: [Query]) async throws -> [[Row]]
}

extension PostgresExecutor where Self: ~Copyable {
    /// Runs one statement that returns at most one row of interest.
    ///
    /// - Returns: its first row.
    /// - Throws: ``PostgresError``.
    public func first(_ query: Query) async throws -> Row? {
        try await self.query(query).first
    }
}
