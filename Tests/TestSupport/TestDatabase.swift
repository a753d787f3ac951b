internal import Foundation
internal import Glibc
internal import Jobs
package import Postgres
package import Reactor

/// A schema of its own on the test server, for one test.
package struct TestDatabase: Sendable {
    /// A small pool with the schema on its search path.
    package let client: PostgresClient
    /// The schema's name.
    package let schema: String
    /// The server's URL, without the schema.
    package let url: String
    /// The settings of ``client``.
    package let configuration: PostgresConfiguration
    /// Event loops, shared by all tests of the process.
    package let loops: EventLoopGroup

    /// The server's port on 127.0.0.1.
    package var port: Int { URLComponents(string: url)?.port ?? 5432 }

    /// The server's URL by way of another port, such as a proxy's.
    package func url(port: Int) -> String {
        var components = URLComponents(string: url)
        components?.host = "127.0.0.1"
        components?.port = port
        return components?.string ?? url
    }

    /// Another client on the same schema.
    package func makeClient(_ limits: PoolLimits = .init(maximum: 2)) -> PostgresClient {
        PostgresClient(configuration, loops: loops, pool: limits)
    }
}

/// The clock of the schema a client works in.
extension PostgresClient {
    /// Stops the clock: it moves on only where a test shifts it.
    ///
    /// For tests that make every step by hand: what is slow on this machine is then not late in the database.
    package func stopClock() async throws {
        try await replaceNow(
            """
            EXECUTE format('CREATE OR REPLACE FUNCTION usher_now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS %L',
                format('BEGIN RETURN timestamptz %L + (SELECT shift FROM clock); END', now()));
            """
        )
    }

    /// Lets the clock run on from where ``stopClock()`` stopped it and the test has shifted it to.
    package func startClock() async throws {
        try await replaceNow(
            """
            UPDATE clock SET shift = usher_now() - now();
            CREATE OR REPLACE FUNCTION usher_now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS
                'BEGIN RETURN now() + (SELECT shift FROM clock); END';
            """
        )
    }

    private func replaceNow(_ statements: SQL) async throws {
        try await execute(Query("test.replace_now", "DO $do$ BEGIN \(fragment: statements) END $do$"))
    }
}

/// The test server is not there.
package struct NoTestServer: Error, CustomStringConvertible {
    package let description = "set USHER_TEST_DATABASE_URL to a server that tests may use"
}

/// Event loops for all tests of the process; threads are dear, and tests run in parallel.
package enum TestLoops {
    package static let shared = Result { try EventLoopGroup(count: 2, name: "test") }
}

/// Runs `body` with a schema that has all migrations, and drops it afterwards.
///
/// - Returns: what `body` returned.
package func withDatabase<Value>(
    pool: PoolLimits = .init(maximum: 4),
    _ body: (TestDatabase) async throws -> Value
) async throws -> Value {
    try await withEmptyDatabase(pool: pool) { database in
        try await Migrator(database.client, schema: database.schema).migrate()
        return try await body(database)
    }
}

/// Runs `body` with an empty schema, and drops it afterwards.
///
/// - Returns: what `body` returned.
package func withEmptyDatabase<Value>(
    pool: PoolLimits = .init(maximum: 4),
    _ body: (TestDatabase) async throws -> Value
) async throws -> Value {
    guard let pointer = unsafe getenv("USHER_TEST_DATABASE_URL") else { throw NoTestServer() }
    let url = unsafe String(cString: pointer)
    let schema = "test_" + String(UInt64.random(in: .min ... .max), radix: 36)
    var configuration = try PostgresConfiguration(url: url)
    configuration.schema = schema
    configuration.applicationName = schema
    let loops = try TestLoops.shared.get()
    let client = PostgresClient(configuration, loops: loops, pool: pool)
    try await client.execute(Query("test.schema", "CREATE SCHEMA \(identifier: schema)"))
    let database = TestDatabase(
        client: client,
        schema: schema,
        url: url,
        configuration: configuration,
        loops: loops
    )
    do {
        let value = try await body(database)
        try await drop(schema, client)
        return value
    } catch {
        try? await drop(schema, client)
        throw error
    }
}

private func drop(_ schema: String, _ client: PostgresClient) async throws {
    // In a task of its own, because the test's may be cancelled by its time limit.
    try await Task {
        // What a killed process had begun may still run on the server, and lock tables in another order.
        try await retryingDeadlocks {
            try await client.withTransaction { transaction in
                // What a failing test left running must not make the clean-up wait forever.
                try await transaction.execute(
                    Query(
                        "test.terminate",
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = \(schema) AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
                        """
                    )
                )
                try await transaction.execute(Query("test.drop", "DROP SCHEMA \(identifier: schema) CASCADE"))
            }
        }
        await client.shutdown()
    }.value
}

private func retryingDeadlocks(_ body: () async throws -> Void) async throws {
    for _ in 0..<10 {
        do {
            return try await body()
        } catch let error as PostgresError where error.sqlState == .deadlockDetected {}
    }
    try await body()
}
