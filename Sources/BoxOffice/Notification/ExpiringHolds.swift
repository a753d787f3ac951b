internal import Foundation
package import Postgres

/// Tells buyers who want to be told that their hold is about to end, once for each hold.
///
/// No hold's run wakes for it: from time to time the scheduler looks at those who are inside, as many as may be, and at what
/// they hold.
package enum ExpiringHolds {
    static let kind = "expiring"
    /// A hold is about to end when so much is left, or a third of what holds last if that is less.
    static let near = 120
    /// Who has less than this left would hear of it too late.
    static let tooLate = 10
    /// Of shorter holds nothing is told: between two looks they would come and go.
    static let shortest = 150
    /// How many are written in one commit.
    private static let page = 500

    /// Looks at all on-sales that sell or have just closed, and writes what is to be told, with its deliveries.
    ///
    /// - Returns: false, as a chore that has nothing left to do until its next round.
    /// - Throws: `PostgresError`.
    package static func tell(in postgres: PostgresClient) async throws -> Bool {
        for row in try await postgres.query(selling()) {
            let onSale = OnSaleID(rawValue: try row[0])
            let holds = try await postgres.query(ending(of: onSale)).map(Hold.init)
            for start in stride(from: 0, to: holds.count, by: page) {
                let some = holds[start..<min(start + page, holds.count)]
                _ = try await postgres.query(write(Array(some), of: onSale))
            }
        }
        return false
    }

    /// A hold that is about to end.
    private struct Hold {
        let arrival: Int64
        let reservation: ReservationID
        let payload: JSONB
        let endsAt: PostgresTimestamp

        init(_ row: Row) throws {
            arrival = try row[0]
            reservation = ReservationID(rawValue: try row[1])
            endsAt = try row[6]
            let seconds: Int = try row[7]
            payload = JSONB(
                text: PlanValue.object([
                    "reservation": .string(reservation.publicID), "tier": .string(try row[2]),
                    "quantity": .integer(try row[3]), "total": .integer(try row[4]),
                    "currency": .string(try row[5]), "minutes": .integer(max(1, (seconds + 30) / 60)),
                ]).json
            )
        }
    }

    // MARK: Statements

    /// Looks at each on-sale; those that have just closed may have holds that can be paid for.
    static func selling() -> Query {
        Query(
            "expiring.on_sales",
            """
            SELECT o.on_sale_id FROM on_sales o JOIN reservation_rules c USING (on_sale_id)
            WHERE (o.state IN ('admitting', 'sold_out')
                    OR o.state = 'closed' AND o.closes_at > (SELECT usher_now()) - interval '1 day')
                AND c.hold_seconds >= \(shortest)
            """
        )
    }

    /// Uses `admissions_live`, the primary key of `contacts` and `reservations_by_admission`.
    ///
    /// Who was told why a payment failed knows how long there is.
    static func ending(of onSale: OnSaleID) -> Query {
        Query(
            "expiring.holds",
            """
            SELECT a.arrival, r.id, r.tier, r.quantity, r.total, r.currency, r.expires_at,
                extract(epoch FROM r.expires_at - n.at)::integer
            FROM (SELECT usher_now() AS at, least(\(Int32(near)), hold_seconds / 3) AS near
                    FROM reservation_rules WHERE on_sale_id = \(onSale.rawValue)) AS n
                CROSS JOIN (SELECT admission_id, arrival FROM admissions
                    WHERE on_sale_id = \(onSale.rawValue) AND ended_at IS NULL OFFSET 0) AS a
                CROSS JOIN LATERAL (SELECT arrival FROM contacts
                    WHERE on_sale_id = \(onSale.rawValue) AND arrival = a.arrival AND unsubscribed_at IS NULL
                    OFFSET 0) AS c
                CROSS JOIN LATERAL (SELECT id, tier, quantity, total, currency, expires_at FROM reservations
                    WHERE on_sale_id = \(onSale.rawValue) AND admission_id = a.admission_id AND state = 'held'
                        AND problem IS NULL OFFSET 0) AS r
            WHERE r.expires_at > n.at + make_interval(secs => \(Double(tooLate)))
                AND r.expires_at <= n.at + make_interval(secs => n.near)
            """
        )
    }

    /// Writes those that were not told of, and starts their deliveries.
    private static func write(_ holds: [Hold], of onSale: OnSaleID) -> Query {
        let count = Int32(holds.count)
        return Query(
            "expiring.write",
            """
            WITH news AS MATERIALIZED (
                SELECT w.key FROM write_notifications(array_fill(\(kind), ARRAY[\(count)]),
                    array_fill('place'::text, ARRAY[\(count)]), \(holds.map(\.payload)),
                    \(holds.map { "\(kind):\($0.reservation.publicID)" }), \(holds.map(\.endsAt)),
                    array_fill(\(onSale.rawValue), ARRAY[\(count)]), \(holds.map(\.arrival))) AS w (key)
            )
            SELECT count(*) FROM (SELECT array_agg(to_jsonb(key)) AS keys FROM news HAVING count(*) > 0) AS n,
                start_runs(\(Notify.name), n.keys, \(Notify.queue))
            """
        )
    }

    // MARK: At the moment of delivery

    /// Which of these notifications are no longer true: the hold was paid for, given back, or made longer.
    ///
    /// Uses the primary key of `reservations`.
    static func over(
        _ notices: [(message: OutgoingMessage, until: PostgresTimestamp?)],
        in tx: borrowing Transaction
    ) async throws -> Set<Int64> {
        let told = notices.filter { $0.message.kind == kind }
        guard !told.isEmpty else { return [] }
        let rows = try await tx.query(
            Query(
                "expiring.still_held",
                """
                SELECT k.id FROM unnest(\(told.map(\.message.id)), \(told.map { reservation(of: $0.message) }),
                        \(told.map(\.until))) AS k (id, reservation, until)
                    JOIN reservations r ON r.id = k.reservation
                WHERE r.state = 'held' AND r.expires_at <= k.until
                """
            )
        )
        let held = Set(try rows.map { try $0[0] as Int64 })
        return Set(told.map(\.message.id)).subtracting(held)
    }

    /// Zero, which no reservation is, where the payload has none.
    private static func reservation(of message: OutgoingMessage) -> Int64 {
        let payload = try? JSONDecoder().decode(PlanValue.self, from: Data(message.payload.utf8))
        guard case .object(let fields)? = payload, case .string(let text)? = fields["reservation"] else {
            return 0
        }
        return ReservationID(publicID: text)?.rawValue ?? 0
    }

    /// Uses the primary key of `notifications`.
    static func drop(_ ids: Set<Int64>) -> Query {
        Query(
            "expiring.drop",
            """
            UPDATE notifications SET state = 'dropped', detail = 'paid for, given back or made longer',
                settled_at = usher_now()
            WHERE id = ANY (\(ids.sorted())) AND state = 'pending'
            """
        )
    }
}
