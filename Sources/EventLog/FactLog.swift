package import Postgres

/// The event log of a schema, for those who read it.
package struct FactLog: Sendable {
    let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Looks how far numbers were given out, for a ``FactHorizon``.
    ///
    /// - Throws: `PostgresError`.
    package func sample() async throws -> FactHorizon.Sample {
        let row = try await postgres.query(
            Query("facts.horizon", "SELECT given, coming, oldest FROM facts_horizon()")
        )[0]
        return FactHorizon.Sample(given: try row[0], coming: try row[1], oldest: try row[2])
    }

    /// Facts after one number and up to another, at most `limit` of them, in their order.
    ///
    /// Only up to a horizon's `final` is that all there ever will be.
    ///
    /// - Parameters:
    ///   - position: The number after which to read.
    ///   - last: The number up to which to read.
    ///   - part: One of so many parts of a consumer; nil for all facts.
    ///   - onSales: Of these only; nil for all.
    ///   - limit: The most facts.
    /// - Returns: The facts.
    /// - Throws: `PostgresError`.
    package func page(
        after position: Int64,
        through last: Int64,
        part: (number: Int, of: Int)? = nil,
        onSales: [Int64]? = nil,
        limit: Int
    ) async throws -> [Fact] {
        try await postgres.query(
            Self.page(after: position, through: last, part: part, onSales: onSales, limit: limit)
        ).map(Fact.init)
    }

    /// Uses the primary keys of `facts`' parts.
    static func page(
        after position: Int64,
        through last: Int64,
        part: (number: Int, of: Int)?,
        onSales: [Int64]?,
        limit: Int
    ) -> Query {
        let filter: SQL =
            if let part {
                "AND fact_part(f.on_sale_id, \(part.of)) = \(part.number)"
            } else if let onSales {
                "AND f.on_sale_id = ANY (\(onSales))"
            } else {
                ""
            }
        return Query(
            "facts.page",
            """
            SELECT \(fragment: Fact.columns) FROM facts f
            WHERE f.seq > \(position) AND f.seq <= \(last) \(fragment: filter)
            ORDER BY f.seq LIMIT \(limit)
            """
        )
    }

    /// The number after which a replay begins that has all that was recorded from an instant on.
    ///
    /// - Throws: `PostgresError`.
    package func position(before instant: PostgresTimestamp) async throws -> Int64 {
        try await postgres.query(Query("facts.before", "SELECT fact_before(\(instant))"))[0][0]
    }

    /// The number after which the log begins: what was before is dropped.
    ///
    /// - Throws: `PostgresError`.
    package func start() async throws -> Int64 {
        try await postgres.query(
            Query("facts.start", "SELECT min(ordinal) * fact_range_size() - 1 FROM fact_ranges")
        )[0][0]
    }
}
