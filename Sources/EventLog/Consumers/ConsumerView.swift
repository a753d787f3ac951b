package import Postgres

/// How a consumer is doing.
package struct ConsumerView: Sendable, Equatable {
    /// One part of it.
    package struct Part: Sendable, Equatable {
        package let number: Int
        package let position: Int64
        /// Who works on it; nil for nobody.
        package let holder: String?
        /// How many numbers have been given out that it has not come to: facts of all parts, and gaps.
        package let behind: Int64
        /// How old the first fact is that it has not come to, in seconds; nil when there is none.
        package let lag: Double?
        /// In a row.
        package let failures: Int
        package let problem: String?
    }

    package let name: String
    package var parts: [Part]

    /// How old the first fact is that some part has not come to, in seconds; nil when there is none.
    package var lag: Double? { parts.compactMap(\.lag).max() }

    /// All consumers, by name; of each part one probe of the log.
    ///
    /// - Throws: `PostgresError`.
    package static func all(in postgres: PostgresClient) async throws -> [ConsumerView] {
        let rows = try await postgres.query(
            Query(
                "consumers.view",
                """
                SELECT c.consumer, c.part, c.position, CASE WHEN c.leased_until > clock_timestamp() THEN c.holder END,
                    greatest(s.given - c.position, 0), extract(epoch FROM usher_now() - f.recorded_at)::float8,
                    c.failures, c.problem
                FROM fact_cursors c
                    CROSS JOIN (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM fact_ids)
                        AS s (given)
                    LEFT JOIN LATERAL (
                        SELECT recorded_at FROM facts WHERE seq > c.position ORDER BY seq LIMIT 1) AS f ON true
                ORDER BY c.consumer, c.part
                """
            )
        )
        var views: [ConsumerView] = []
        for row in rows {
            let name: String = try row[0]
            if views.last?.name != name { views.append(ConsumerView(name: name, parts: [])) }
            views[views.count - 1].parts.append(
                Part(
                    number: try row[1],
                    position: try row[2],
                    holder: try row[3],
                    behind: try row[4],
                    lag: try row[5],
                    failures: try row[6],
                    problem: try row[7]
                )
            )
        }
        return views
    }
}
