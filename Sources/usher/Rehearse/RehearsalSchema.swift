internal import Jobs
internal import Postgres
internal import Reactor

/// A schema of a rehearsal's own, beside the real one: migrated, with a clock that stands still until it is set.
struct RehearsalSchema: Sendable {
    let name: String
    let postgres: PostgresClient

    /// Makes a name that nobody else has.
    static func freshName() -> String {
        "usher_rehearsal_" + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Makes the schema, runs `body` with it, and drops it whatever came of that.
    ///
    /// - Parameters:
    ///   - postgres: connections with the schema's name on their search path.
    ///   - name: the schema's name; what is left of one of that name is dropped before.
    ///   - body: has the migrated schema.
    /// - Returns: what `body` returned.
    /// - Throws: ``Failure`` when the schema can't be made; what `body` threw.
    static func with<Value: Sendable>(
        _ postgres: PostgresClient,
        name: String,
        _ body: @escaping @Sendable (RehearsalSchema) async throws -> Value
    ) async throws -> Value {
        let schema = RehearsalSchema(name: name, postgres: postgres)
        let result: Result<Value, any Error>
        do {
            try await schema.drop()
            try await schema.make()
            result = .success(try await body(schema))
        } catch {
            result = .failure(error)
        }
        // In a task of its own, which nobody cancels.
        try await Task { try await schema.drop() }.value
        return try result.get()
    }

    private func make() async throws {
        do {
            try await Migrator(postgres, schema: name).migrate()
        } catch {
            throw Failure("cannot make the schema \(name) for the rehearsal: \(OneLine.describing(error))")
        }
        // Frozen, so that what is slow here is not slow in the sale, and the same seed gives the same sale.
        try await postgres.execute(
            Query(
                "rehearsal.clock_make",
                """
                CREATE OR REPLACE FUNCTION usher_now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
                BEGIN
                    RETURN timestamptz 'epoch' + (SELECT shift FROM clock);
                END
                $$
                """
            )
        )
    }

    /// Drops it, if it is there.
    func drop() async throws {
        try await postgres.execute(
            Query("rehearsal.drop", "DROP SCHEMA IF EXISTS \(identifier: name) CASCADE")
        )
    }

    /// Sets the clock.
    func set(_ now: PostgresTimestamp) async throws {
        let seconds = Double(now.microseconds) / 1_000_000
        try await postgres.execute(
            Query("rehearsal.clock_set", "UPDATE clock SET shift = make_interval(secs => \(seconds))")
        )
    }

    /// Does what a scheduler does now and then: tables for what the clock comes to, and lanes without dead rows.
    func maintain() async throws {
        _ = try await postgres.pipeline([
            Query("rehearsal.ranges", "SELECT ensure_journal_ranges()"),
            Query("rehearsal.lanes", "SELECT * FROM rotate_lanes(2000)"),
        ])
    }
}
