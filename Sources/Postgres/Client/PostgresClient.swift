public import Reactor
public import Telemetry

/// A database, through a pool of connections.
///
/// For example:
/// ```swift
/// let loops = try EventLoopGroup(count: 2)
/// let client = PostgresClient(try PostgresConfiguration(url: url), loops: loops)
/// let rows = try await client.query(Query("seats.free", "select id from seats where tier = \(tier)"))
/// ```
/// Any number of tasks may use it. Connections are made when they are needed; a broken one is thrown away and the
/// next caller gets another, so the client outlives restarts of the server.
public final class PostgresClient: PostgresExecutor, Sendable {
    /// Where the server is and who we are to it.
    public let configuration: PostgresConfiguration
    let pool: ConnectionPool

    /// Makes a client.
    ///
    /// Nothing is connected yet.
    ///
    /// - Parameters:
    ///   - configuration: where the server is and who we are to it.
    ///   - loops: where connections live; callers that run there are served fastest.
    ///   - limits: how many connections, and for how long.
    ///   - logger: hears why connections could not be made.
    public init(
        _ configuration: PostgresConfiguration,
        loops: EventLoopGroup,
        pool limits: PoolLimits = .init(),
        logger: Logger = Logger(label: "postgres")
    ) {
        self.configuration = configuration
        pool = ConnectionPool(configuration: configuration, limits: limits, loops: loops, logger: logger)
    }

    /// Keeps the pool: closes what is idle or old, keeps the minimum open.
    ///
    /// Returns when the task is cancelled.
    ///
    /// Without it everything else works as well.
    public func run() async {
        while !Task.isCancelled {
            pool.maintain()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Refuses new work, waits for connections in use to be given back, and closes them all.
    public func shutdown() async {
        await pool.close()
    }

    /// Where connections live: a loop that runs a task saves it the way to them and back.
    package var loops: EventLoopGroup { pool.loops }

    /// What the pool's connections are doing at this moment.
    public var statistics: PoolStatistics { pool.statistics }

    // MARK: Statements

    /// Runs one statement on any connection.
    ///
    /// - Returns: its rows.
    /// - Throws: ``PostgresError``.
    public func query(_ query: Query) async throws -> [Row] {
        try await withConnection { try await $0.query(query) }
    }

    /// Runs one statement on any connection.
    ///
    /// - Returns: how many rows it inserted, changed, deleted or returned.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func execute(_ query: Query) async throws -> Int {
        try await withConnection { try await $0.execute(query) }
    }

    /// Runs statements in one round trip and one transaction.
    ///
    /// - Returns: the rows of each.
    /// - Throws: ``PostgresError`` of the first statement that failed; then none of them had any effect.
    @discardableResult
    public func pipeline(_ queries: [Query]) async throws -> [[Row]] {
        try await withConnection { try await $0.pipeline(queries) }
    }

    /// Runs a script of several statements, which are one transaction.
    package func simple(_ script: String) async throws {
        try await withConnection { try await $0.simple(script) }
    }

    // MARK: COPY

    /// Runs a `COPY … FROM STDIN` on any connection.
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
        try await withConnection { try await $0.copyIn(query, body) }
    }

    /// Runs a `COPY … TO STDOUT` on any connection.
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
        try await withConnection { try await $0.copyOut(query, body) }
    }

    // MARK: Scopes

    /// Lends one connection, for what has to stay on one: session settings, session locks, several statements.
    ///
    /// Behind a pooler there is no such thing: it gives each transaction another session.
    ///
    /// A connection that is given back inside a transaction is closed.
    ///
    /// - Parameter body: has the connection alone.
    /// - Returns: what `body` returned.
    /// - Throws: ``PostgresError`` when there is no connection, or what `body` threw.
    @discardableResult
    public func withConnection<Result>(
        _ body: (borrowing PostgresConnectionHandle) async throws -> Result
    ) async throws -> Result {
        let lease = try await pool.lease()
        defer { pool.release(lease) }
        return try await body(PostgresConnectionHandle(connection: lease.connection))
    }

    /// Runs a transaction: committed when `body` returns, rolled back when it throws.
    ///
    /// BEGIN travels with the first statement, so a transaction of one statement takes two round trips; none at
    /// all is free.
    ///
    /// - Parameters:
    ///   - options: how to begin it.
    ///   - body: the statements. The handle can't be kept.
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw, or ``PostgresError``; code `commitUnknown` when the connection died while
    ///   committing.
    @discardableResult
    public func withTransaction<Result>(
        _ options: TransactionOptions = .init(),
        _ body: (inout Transaction) async throws -> Result
    ) async throws -> Result {
        let lease = try await pool.lease()
        defer { pool.release(lease) }
        return try await Transaction.run(on: lease.connection, options, body)
    }
}
