internal import Postgres

/// How far consumers have come, beside facts and beside each other.
extension FactCursors {
    /// Whether a consumer has come to all of some facts.
    ///
    /// Uses the primary keys.
    ///
    /// - Throws: `PostgresError`.
    package func hasCome(_ name: String, to facts: [Fact]) async throws -> Bool {
        try await postgres.query(
            Query(
                "cursors.has_come",
                """
                SELECT coalesce(bool_and(c.position >= f.seq), false)
                FROM unnest(\(facts.map(\.onSale)), \(facts.map(\.seq))) AS f (on_sale_id, seq)
                    JOIN fact_consumers n ON n.name = \(name)
                    JOIN fact_cursors c ON c.consumer = n.name AND c.part = fact_part(f.on_sale_id, n.parts)
                """
            )
        )[0][0]
    }

    /// Whether a consumer is as far as another in all of its parts.
    ///
    /// Uses the primary key.
    ///
    /// - Throws: `PostgresError`.
    package func isLevel(_ name: String, with other: String) async throws -> Bool {
        try await postgres.query(
            Query(
                "cursors.is_level",
                """
                SELECT coalesce(bool_and(c.position >= o.position), false)
                FROM fact_cursors c JOIN fact_cursors o ON o.consumer = \(other) AND o.part = c.part
                WHERE c.consumer = \(name)
                """
            )
        )[0][0]
    }

    /// The consumers whose names begin so.
    ///
    /// - Throws: `PostgresError`.
    package func names(beginning prefix: String) async throws -> [String] {
        try await postgres.query(
            Query(
                "cursors.names",
                "SELECT name FROM fact_consumers WHERE starts_with(name, \(prefix)) ORDER BY name"
            )
        ).map { try $0[0] }
    }
}
