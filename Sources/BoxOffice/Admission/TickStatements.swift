internal import Postgres

/// The statements of an admission tick.
///
/// Each stays within one on-sale. Whether a session has reservations is asked by a scalar subquery and not by EXISTS,
/// which the server may answer by hashing the reservations of all on-sales.
enum TickStatements {
    /// Ends the turns that are over.
    ///
    /// Uses `turns_open` and `places_one_per_number`.
    static func settle(_ id: OnSaleID, _ now: PostgresTimestamp, all: Bool) -> Query {
        Query(
            "tick.settle",
            """
            WITH settled AS (
                UPDATE turns t SET settled_at = \(now), admitted = c.admitted,
                    missed = greatest(t.called - c.admitted - c.gone, 0)
                FROM turns o CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE p.admitted_at IS NOT NULL)::integer AS admitted,
                        count(*) FILTER (WHERE p.admitted_at IS NULL AND p.left_at >= o.called_at)::integer AS gone
                    FROM places p
                    WHERE p.on_sale_id = \(id.rawValue) AND p.number BETWEEN o.first_number AND o.last_number
                ) c
                WHERE o.on_sale_id = \(id.rawValue) AND o.settled_at IS NULL AND (\(all) OR o.expires_at <= \(now))
                    AND t.on_sale_id = o.on_sale_id AND t.first_number = o.first_number
                RETURNING t.called - c.gone AS expected, t.missed, t.first_number, t.last_number, t.expires_at
            ), told AS (
                INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                SELECT \(id.rawValue), (SELECT usher_now()), \(LineFacts.missed), jsonb_build_object(
                    'first_number', s.first_number, 'last_number', s.last_number, 'missed', s.missed)
                FROM settled s WHERE s.missed > 0 ORDER BY s.first_number
            )
            SELECT expected, missed, first_number, last_number, expires_at FROM settled
            """
        )
    }

    /// Locks the sessions that may end: out of time, or done buying.
    ///
    /// One that is in use right now waits a tick. Uses `admissions_live` and `reservations_by_admission`.
    static func ending(_ gate: OnSaleGate) -> Query {
        let id = gate.id
        let all = gate.state == .closed || gate.state == .cancelled
        // Sessions of before; who came in for something that came back stays.
        let soldOutAt = gate.state == .soldOut ? gate.soldOutAt : nil
        return Query(
            "tick.ending",
            """
            SELECT a.admission_id FROM admissions a
            WHERE a.on_sale_id = \(id.rawValue) AND a.ended_at IS NULL AND (\(all) OR a.expires_at <= \(gate.now)
                OR a.admitted_at <= \(soldOutAt) OR (SELECT true FROM reservations r
                    WHERE r.on_sale_id = \(id.rawValue) AND r.admission_id = a.admission_id AND r.state = 'sold'
                    LIMIT 1))
            ORDER BY a.admission_id
            FOR NO KEY UPDATE SKIP LOCKED
            """
        )
    }

    /// Ends those of the locked sessions that have nothing held or being paid.
    static func end(_ id: OnSaleID, _ sessions: [Int64], _ now: PostgresTimestamp, reason: String) -> Query {
        Query(
            "tick.end",
            """
            UPDATE admissions a SET ended_at = \(now), end_reason = CASE WHEN (
                    SELECT true FROM reservations r
                    WHERE r.on_sale_id = \(id.rawValue) AND r.admission_id = a.admission_id
                        AND r.state IN ('sold', 'refunded') LIMIT 1
                ) THEN 'bought' ELSE \(reason) END
            WHERE a.admission_id = ANY (\(sessions)) AND (
                SELECT true FROM reservations r
                WHERE r.on_sale_id = \(id.rawValue) AND r.admission_id = a.admission_id
                    AND r.state IN ('held', 'paying') LIMIT 1) IS NULL
            RETURNING end_reason
            """
        )
    }

    /// See `TickNumbers`.
    ///
    /// The mean basket is that of the latest two hundred reservations.
    static func numbers(_ id: OnSaleID) -> Query {
        Query(
            "tick.numbers",
            """
            SELECT arrivals.issued, live.active, live.undecided, open.called, come.count, stock.free, stock.held,
                stock.capacity, baskets.tickets, baskets.buyers
            FROM arrivals,
                (SELECT count(*) AS active, count(*) FILTER (WHERE (
                        SELECT true FROM reservations r
                        WHERE r.on_sale_id = \(id.rawValue) AND r.admission_id = a.admission_id
                            AND r.state IN ('held', 'paying', 'sold') LIMIT 1) IS NULL) AS undecided
                    FROM admissions a WHERE a.on_sale_id = \(id.rawValue) AND a.ended_at IS NULL) live,
                (SELECT coalesce(sum(t.called), 0)::bigint AS called FROM turns t
                    WHERE t.on_sale_id = \(id.rawValue) AND t.settled_at IS NULL) open,
                (SELECT count(*) AS count FROM turns t
                    JOIN places p ON p.number BETWEEN t.first_number AND t.last_number
                    WHERE t.on_sale_id = \(id.rawValue) AND t.settled_at IS NULL AND p.on_sale_id = \(id.rawValue)
                        AND (p.admitted_at IS NOT NULL OR p.left_at >= t.called_at)) come,
                (SELECT coalesce(sum(free), 0)::bigint AS free, coalesce(sum(held + paying), 0)::bigint AS held,
                        coalesce(sum(capacity), 0)::bigint AS capacity
                    FROM tiers WHERE on_sale_id = \(id.rawValue)) stock,
                (SELECT coalesce(sum(quantity), 0)::bigint AS tickets, count(*) AS buyers FROM (
                    SELECT quantity FROM reservations WHERE on_sale_id = \(id.rawValue)
                    ORDER BY admission_id DESC LIMIT 200) latest) baskets
            WHERE arrivals.on_sale_id = \(id.rawValue)
            """
        )
    }

    /// Which of these have left.
    ///
    /// Uses the primary key of `places`.
    static func gone(_ id: OnSaleID, _ arrivals: [Int64]) -> Query {
        Query(
            "tick.gone",
            """
            SELECT arrival FROM places
            WHERE on_sale_id = \(id.rawValue) AND arrival = ANY (\(arrivals)) AND left_at IS NOT NULL
            """
        )
    }

    /// Which of these have not come.
    ///
    /// Uses the primary key of `places`.
    static func absent(_ id: OnSaleID, _ arrivals: [Int64]) -> Query {
        Query(
            "tick.absent",
            """
            SELECT arrival FROM places
            WHERE on_sale_id = \(id.rawValue) AND arrival = ANY (\(arrivals)) AND admitted_at IS NULL
            """
        )
    }

    static func advance(
        _ gate: OnSaleGate,
        _ callUp: CallUp,
        _ law: AdmissionLaw,
        _ decision: AdmissionLaw.Decision,
        _ learned: TickLearning,
        nearing: Int64
    ) -> Query {
        let pressure = learned.pressure
        return Query(
            "tick.advance",
            """
            UPDATE on_sales SET serving = \(callUp.last), carry = \(decision.carry), no_show = \(law.noShow),
                admission_note = \(decision.reason.rawValue), ticked_at = \(gate.now), seq = seq + 1,
                throttle = \(pressure.factor), throttle_reason = \(pressure.reason?.rawValue),
                throttled_at = \(pressure.movedAt), strained_at = \(pressure.strainedAt),
                pace = \(learned.pace.quick), slow_pace = \(learned.pace.slow), conversion = \(learned.conversion),
                mean_basket = \(law.meanBasket), spoken = \(learned.spoken), nearing = \(nearing)
            WHERE on_sale_id = \(gate.id.rawValue)
            """
        )
    }

    /// The batch that was called, with what the law was given.
    static func turn(
        _ gate: OnSaleGate,
        _ callUp: CallUp,
        _ law: AdmissionLaw,
        _ decision: AdmissionLaw.Decision
    ) -> Query {
        Query(
            "tick.turn",
            """
            INSERT INTO turns (on_sale_id, first_number, last_number, called, called_at, expires_at, reason, inputs)
            VALUES (\(gate.id.rawValue), \(callUp.first), \(callUp.last), \(callUp.called), \(gate.now),
                \(gate.now) + make_interval(secs => \(Double(gate.turnSeconds))), \(decision.reason.rawValue),
                jsonb_build_object('rate_per_minute', \(law.ratePerMinute), 'elapsed', \(law.elapsed),
                    'carry', \(law.carry), 'limit', \(law.limit), 'active', \(law.active),
                    'undecided', \(law.undecided), 'pending', \(law.pending), 'free', \(law.free),
                    'mean_basket', \(law.meanBasket), 'no_show', \(law.noShow), 'waiting', \(law.waiting),
                    'throttle', \(law.throttle), 'fail_open', \(law.isFailOpen)))
            """
        )
    }

    /// Everything is sold: nobody joins or is called any more.
    static func soldOut(_ id: OnSaleID, _ now: PostgresTimestamp) -> [Query] {
        [
            Query(
                "tick.sold_out",
                """
                UPDATE on_sales SET state = 'sold_out', sold_out_at = \(now), ticked_at = \(now), seq = seq + 1,
                    admission_note = 'sold_out'
                WHERE on_sale_id = \(id.rawValue)
                """
            ),
            Query(
                "tick.shut_door",
                "UPDATE arrivals SET door = 'sold_out' WHERE on_sale_id = \(id.rawValue)"
            ),
        ]
    }
}
