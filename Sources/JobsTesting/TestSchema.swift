internal import Foundation
internal import Jobs
public import Postgres
internal import Reactor

/// A schema of its own with all the engine's tables, for one test.
///
/// ```swift
/// @Test func `A month is paid for`() async throws {
///     try await TestSchema.with { postgres in
///         let tester = WorkflowTester(postgres: postgres, registry: registry)
///         …
///     }
/// }
/// ```
/// Tests may run side by side, each with its own.
public enum TestSchema {
    private static let loops = Result { try EventLoopGroup(count: 1, name: "test") }

    /// Makes a schema, and drops it when `body` is through, whatever came of that.
    ///
    /// - Parameters:
    ///   - url: of the database; nil is what `USHER_DATABASE_URL` says, and without that what the `PG*` variables do.
    ///   - body: given connections with the schema on their search path.
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw; ``PostgresError``.
    public static func with<Answer>(
        url: String? = nil,
        _ body: (PostgresClient) async throws -> Answer
    ) async throws -> Answer {
        let environment = ProcessInfo.processInfo.environment
        var configuration = try PostgresConfiguration(
            url: url ?? environment["USHER_DATABASE_URL"] ?? "postgresql:///"
        )
        let schema = "test_" + String(UInt64.random(in: .min ... .max), radix: 36)
        configuration.schema = schema
        let postgres = PostgresClient(configuration, loops: try loops.get(), pool: PoolLimits(maximum: 4))
        let answer: Result<Answer, any Error>
        do {
            try await Migrator(postgres, schema: schema).migrate()
            answer = .success(try await body(postgres))
        } catch {
            answer = .failure(error)
        }
        // In a task of its own, because the test's may be cancelled by its time limit.
        try await Task {
            try await postgres.execute(
                Query("test_schema_drop", "DROP SCHEMA IF EXISTS \(identifier: schema) CASCADE")
            )
            await postgres.shutdown()
        }.value
        return try answer.get()
    }
}
