internal import Postgres

/// Tells the buyers of places that were called, as far as they want to be told.
enum TurnNotices {
    /// A place that was called.
    struct Called: Sendable {
        var arrival: Int64
        var number: Int64
        /// Which of its turns after the first it is; 0 for the first.
        var ordinal: Int
    }

    /// Writes a notification for each contact among the called places.
    ///
    /// Uses the primary key of `contacts`. Once the turn is over, it is not worth telling.
    ///
    /// - Returns: the keys by which the deliveries are started.
    static func write(
        _ gate: OnSaleGate,
        _ called: [Called],
        in tx: borrowing Transaction
    ) async throws -> [String] {
        guard !called.isEmpty else { return [] }
        let rows = try await tx.query(
            Query(
                "notifications.turns",
                """
                SELECT w.key FROM (
                    SELECT array_agg(jsonb_build_object('number', k.number)) AS payloads,
                        array_agg(concat_ws(':', 'turn', c.on_sale_id, c.arrival, k.number, nullif(k.ordinal, 0)))
                            AS keys,
                        array_agg(c.on_sale_id) AS sales, array_agg(c.arrival) AS arrivals, count(*)::integer AS n,
                        usher_now() + make_interval(secs => \(Double(gate.turnSeconds))) AS ends
                    FROM unnest(\(called.map(\.arrival)), \(called.map(\.number)), \(called.map(\.ordinal)))
                            AS k (arrival, number, ordinal)
                        CROSS JOIN LATERAL (
                            SELECT on_sale_id, arrival FROM contacts
                            WHERE on_sale_id = \(gate.id.rawValue) AND arrival = k.arrival
                                AND unsubscribed_at IS NULL
                            OFFSET 0
                        ) AS c
                ) AS g, write_notifications(array_fill('turn'::text, ARRAY[g.n]),
                    array_fill('place'::text, ARRAY[g.n]), g.payloads, g.keys, array_fill(g.ends, ARRAY[g.n]),
                    g.sales, g.arrivals) AS w (key)
                WHERE g.n > 0
                """
            )
        )
        return try rows.map { try $0[0] }
    }
}
