package import Postgres

/// The ranges of ids that orders are kept by, and their way to the archive.
package enum OrderArchive {
    /// A range of ids, which is a span of time: the orders in it are archived together.
    package struct Range: Sendable, Encodable {
        package let range: Int64
        package let state: State
        /// As vacuum last counted them; -1 when it has not.
        package let orders: Int64
        /// With indexes, and with their payments.
        package let bytes: Int64
        package let since: String
    }

    /// Where the orders of a range are.
    package enum State: String, Sendable, Encodable {
        /// Where they are sold, paid for and refunded.
        case live
        /// In the archive, as they were.
        case archived
        /// In the archive, sorted by on-sale and with full pages.
        case packed
    }

    /// What became of a wish to archive a range.
    package enum Move: Sendable, Codable, Equatable {
        case archived
        /// Somebody used the tables for longer than anybody should wait for this.
        case busy
        /// It has to stay, and why.
        case kept(String)
    }

    /// All ranges, the oldest first.
    ///
    /// - Throws: `PostgresError`.
    package static func ranges(in postgres: PostgresClient) async throws -> [Range] {
        try await postgres.query(
            Query(
                "orders.ranges",
                """
                SELECT r.ordinal, r.archived_at IS NOT NULL, r.packed_at IS NOT NULL, o.reltuples::bigint,
                    pg_total_relation_size(o.oid) + pg_total_relation_size(p.oid),
                    coalesce(r.packed_at, r.archived_at, r.created_at)
                FROM order_ranges AS r
                CROSS JOIN LATERAL (SELECT CASE WHEN r.archived_at IS NULL THEN '' ELSE 'archived_' END) AS a (prefix)
                JOIN pg_class AS o ON o.oid = to_regclass(format('%I', prefix || 'reservations_' || r.ordinal))
                JOIN pg_class AS p ON p.oid = to_regclass(format('%I', prefix || 'payments_' || r.ordinal))
                ORDER BY r.ordinal
                """
            )
        ).map { row in
            let (isArchived, isPacked): (Bool, Bool) = (try row[1], try row[2])
            let since: PostgresTimestamp = try row[5]
            return Range(
                range: try row[0],
                state: isPacked ? .packed : isArchived ? .archived : .live,
                orders: try row[3],
                bytes: try row[4],
                since: "\(since)"
            )
        }
    }

    /// The ranges that are full and not yet in the archive as they should be, the oldest first.
    static func unfinished() -> Query {
        Query(
            "orders.unfinished",
            """
            SELECT ordinal FROM order_ranges
            WHERE packed_at IS NULL AND high <= (SELECT last_value FROM job_ids) ORDER BY ordinal
            """
        )
    }

    /// Moves a range to the archive, unless something in it is younger or unfinished.
    ///
    /// At once and without touching a row; asking again is harmless.
    static func move(_ range: Int64, keepDays: Int, in tx: borrowing Transaction) async throws -> Move {
        let answer: String = try await tx.query(
            Query(
                "orders.archive",
                "SELECT archive_order_range(\(range), make_interval(days => \(Int32(clamping: keepDays))))"
            )
        )[0][0]
        return switch answer {
        case "archived": .archived
        case "busy": .busy
        default: .kept(answer)
        }
    }

    /// Writes an archived range anew, sorted by on-sale and with full pages.
    ///
    /// Takes seconds for a million; asking again is harmless.
    ///
    /// - Returns: how many orders are in it.
    static func pack(_ range: Int64, in postgres: PostgresClient) async throws -> Int64 {
        try await postgres.query(Query("orders.pack", "SELECT pack_order_range(\(range))"))[0][0]
    }
}
