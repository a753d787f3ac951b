internal import Postgres
internal import Reactor

/// Turns after the first: for those who missed theirs and came back in time, and for those on the waitlist.
///
/// Whoever asks is called by the next ticks, before the line, in the order of asking.
enum Reoffers {
    /// How many have asked and were not called, and how many were called and have neither come nor missed it.
    struct Counts: Sendable, Equatable {
        var asking = 0
        var out = 0
    }

    /// Gives one more turn to places that missed theirs, as far as the on-sale allows.
    ///
    /// Uses the primary keys of `turns` and `reoffers`.
    ///
    /// - Returns: The arrivals that may hope again.
    static func ask(
        _ onSale: OnSaleID,
        _ places: [(arrival: Int64, number: Int64)],
        in tx: borrowing Transaction
    ) async throws -> Set<Int64> {
        guard !places.isEmpty else { return [] }
        let rows = try await tx.query(
            Query(
                "reoffers.ask",
                """
                INSERT INTO reoffers (on_sale_id, arrival, ordinal, kind, number, quantity, asked_at)
                SELECT o.on_sale_id, k.arrival, used.count + 1, 'missed', k.number, 1, usher_now()
                FROM on_sales o CROSS JOIN unnest(\(places.map(\.arrival)), \(places.map(\.number))) AS k (arrival, number)
                    CROSS JOIN LATERAL (
                        SELECT count(*)::integer AS count, max(expires_at) AS ended FROM reoffers
                        WHERE on_sale_id = \(onSale.rawValue) AND arrival = k.arrival
                    ) used
                    CROSS JOIN LATERAL (
                        SELECT expires_at FROM turns
                        WHERE on_sale_id = \(onSale.rawValue) AND first_number <= k.number
                        ORDER BY first_number DESC LIMIT 1
                    ) turn
                WHERE o.on_sale_id = \(onSale.rawValue) AND used.count < o.reoffer_limit
                    AND greatest(turn.expires_at, used.ended) + make_interval(secs => o.reoffer_seconds) > usher_now()
                ON CONFLICT (on_sale_id, arrival) WHERE settled_at IS NULL DO NOTHING
                RETURNING arrival
                """
            )
        )
        return Set(try rows.map { try $0[0] as Int64 })
    }

    /// Settles those whose time is up.
    ///
    /// Uses `reoffers_open`; returns which turns of which places were let pass.
    static func settle(_ onSale: OnSaleID, _ now: PostgresTimestamp, all: Bool) -> Query {
        Query(
            "reoffers.settle",
            """
            UPDATE reoffers SET settled_at = \(now), came = false
            WHERE on_sale_id = \(onSale.rawValue) AND settled_at IS NULL AND (\(all) OR expires_at <= \(now))
            RETURNING arrival, number, ordinal, kind = 'missed', expires_at
            """
        )
    }

    /// Uses `reoffers_open`.
    static func count(_ onSale: OnSaleID) -> Query {
        Query(
            "reoffers.count",
            """
            SELECT count(*) FILTER (WHERE called_at IS NULL), count(*) FILTER (WHERE called_at IS NOT NULL)
            FROM reoffers WHERE on_sale_id = \(onSale.rawValue) AND settled_at IS NULL
            """
        )
    }

    /// Calls the first who asked.
    ///
    /// Uses `reoffers_open`.
    static func call(_ gate: OnSaleGate, atMost limit: Int) -> Query {
        Query(
            "reoffers.call",
            """
            WITH next AS MATERIALIZED (
                SELECT arrival, ordinal FROM reoffers
                WHERE on_sale_id = \(gate.id.rawValue) AND settled_at IS NULL AND called_at IS NULL
                ORDER BY spot LIMIT \(limit)
            )
            UPDATE reoffers r SET called_at = \(gate.now),
                expires_at = \(gate.now) + make_interval(secs => \(Double(gate.turnSeconds)))
            FROM next WHERE r.on_sale_id = \(gate.id.rawValue) AND r.arrival = next.arrival AND r.ordinal = next.ordinal
            RETURNING r.arrival, r.number, r.ordinal
            """
        )
    }

    /// How many of those who asked `free` tickets are for, if each takes what they said and the last what is left.
    ///
    /// What was offered already is spoken for. Uses `reoffers_open`.
    static func fitting(_ onSale: OnSaleID, free: Int) -> Query {
        Query(
            "reoffers.fitting",
            """
            SELECT count(*) FROM (
                SELECT called_at, sum(quantity) OVER (ORDER BY called_at IS NULL, spot) - quantity AS before
                FROM reoffers WHERE on_sale_id = \(onSale.rawValue) AND settled_at IS NULL
            ) line
            WHERE called_at IS NULL AND before < \(free)
            """
        )
    }

    /// Marks that these came.
    ///
    /// Uses `reoffers_one_open`.
    static func came(_ onSale: OnSaleID, _ arrivals: [Int64]) -> Query {
        Query(
            "reoffers.came",
            """
            UPDATE reoffers SET settled_at = usher_now(), came = true
            WHERE on_sale_id = \(onSale.rawValue) AND arrival = ANY (\(arrivals)) AND settled_at IS NULL
            """
        )
    }

    /// Makes open ones end later.
    ///
    /// Uses `reoffers_open`.
    static func extend(_ onSale: OnSaleID, by duration: Duration) -> Query {
        Query(
            "reoffers.extend",
            """
            UPDATE reoffers SET expires_at = expires_at + make_interval(secs => \(duration.seconds))
            WHERE on_sale_id = \(onSale.rawValue) AND settled_at IS NULL AND called_at IS NOT NULL
            """
        )
    }
}
