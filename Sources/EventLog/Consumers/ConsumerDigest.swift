package import Postgres

/// What a consumer has written, as one number: for telling whether a replay has come to the same.
package enum ConsumerDigest {
    /// Reads all that it has written.
    ///
    /// - Returns: A digest of its rows, whatever their order; nil when it writes nothing here.
    /// - Throws: `PostgresError`.
    package static func of(_ consumer: some FactConsumer, in postgres: PostgresClient) async throws -> String?
    {
        guard !consumer.tables.isEmpty else { return nil }
        var digests: [String] = []
        for table in consumer.tables {
            digests.append(
                try await postgres.query(
                    Query(
                        "consumers.digest",
                        """
                        SELECT count(*) || ':' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '')
                        FROM \(identifier: table) t
                        """
                    )
                )[0][0]
            )
        }
        return digests.joined(separator: " ")
    }
}
