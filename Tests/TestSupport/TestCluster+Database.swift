internal import Jobs
package import Postgres
internal import Reactor

extension TestCluster {
    /// The server's URL, for its superuser.
    package func url(_ database: String = "postgres", port: Int? = nil) -> String {
        "postgresql://usher@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    /// A client of one of its databases.
    package func client(
        _ database: String = "postgres",
        schema: String? = nil,
        pool: PoolLimits = .init(maximum: 4)
    ) throws -> PostgresClient {
        try PostgresClient(configuration(database, schema), loops: TestLoops.shared.get(), pool: pool)
    }

    private func configuration(_ database: String, _ schema: String?) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(url: url(database))
        configuration.schema = schema
        configuration.applicationName = "driver"
        return configuration
    }

    /// Makes a database with all migrations in a schema of it, for others to be copies of.
    package func makeTemplate(_ name: String, schema: String) async throws {
        let postgres = try client()
        try await postgres.execute(Query("test_database", "CREATE DATABASE \(identifier: name)"))
        await postgres.shutdown()
        let inside = try client(name, schema: schema)
        try await Migrator(inside, schema: schema).migrate()
        await inside.shutdown()
    }

    /// Runs `body` with a copy of a database, and drops it afterwards.
    package func withCopy<Value>(
        _ name: String,
        of template: String,
        schema: String,
        pool: PoolLimits,
        _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        let postgres = try client(pool: .init(maximum: 1))
        try await postgres.execute(
            Query("test_copy", "CREATE DATABASE \(identifier: name) TEMPLATE \(identifier: template)")
        )
        await postgres.shutdown()
        let database = TestDatabase(
            client: try client(name, schema: schema, pool: pool),
            schema: schema,
            url: url(name),
            configuration: try configuration(name, schema),
            loops: try TestLoops.shared.get()
        )
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body(database))
        } catch {
            outcome = .failure(error)
        }
        // In a task of its own, because the test's may be cancelled by its time limit.
        await Task {
            await database.client.shutdown()
            // The same goes for one that can't be connected to.
            if let postgres = try? client(pool: .init(maximum: 1)) {
                // A server that is gone has no database to drop.
                _ = try? await postgres.execute(
                    Query("test_drop", "DROP DATABASE \(identifier: name) WITH (FORCE)")
                )
                await postgres.shutdown()
            }
        }.value
        return try outcome.get()
    }
}
