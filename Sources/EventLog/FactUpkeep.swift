package import Postgres

/// What the log needs now and then; done by the scheduler that leads.
package enum FactUpkeep {
    /// Makes parts of the log before anybody needs them, and begins one each day, so that days can be dropped.
    package static func makeParts(in postgres: PostgresClient) async throws -> Bool {
        _ = try await postgres.pipeline([
            Query("facts.extend", "SELECT extend_fact_ranges()"),
            Query("facts.turn", "SELECT turn_sequence('fact_ids', fact_range_size(), interval '1 day')"),
            Query("facts.ahead", "SELECT extend_fact_ranges()"),
        ])
        return false
    }

    /// Drops the oldest part when it is older than `keep`; one that a consumer has yet to be told, only after thrice that.
    ///
    /// - Returns: Whether there may be more.
    package static func dropParts(in postgres: PostgresClient, keepDays: Int) async throws -> Bool {
        let dropped: Int64? = try await postgres.query(
            Query(
                "facts.drop",
                """
                SELECT drop_fact_range(
                    make_interval(days => \(Int32(keepDays))), make_interval(days => \(Int32(keepDays * 3))))
                """
            )
        )[0][0]
        return dropped != nil
    }
}
