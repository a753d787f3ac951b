package import Jobs
internal import Postgres

/// What must never be seen in the tables of stock, reservations and payments.
///
/// Each check is one statement, so it sees one snapshot and can run while the on-sale does; it names at most twenty.
package enum StockAudit {
    /// The checks of promises 3 (never oversold) and 4 (exactly one ending, money where it belongs).
    package static let checks: [AuditCheck] =
        [booksBalance, booksMatchReservations, booksMatchSeats, seatsMatchReservations, limitsHold]
        + [
            nothingIsStuck, runsAgree, moneyHasItsReservation, salesArePaid, casesAreClosed,
            reservationsAreWhole,
        ]

    private static let booksBalance = AuditCheck(
        promise: 3,
        name: "free + withheld + held + paying + sold = capacity in every tier",
        query: Query(
            "audit.books_balance",
            """
            SELECT format('tier %s of on-sale %s: %s + %s + %s + %s + %s of %s', id, on_sale_id, free, withheld, held,
                paying, sold, capacity)
            FROM tiers
            WHERE free + withheld + held + paying + sold <> capacity
                OR least(free, withheld, held, paying, sold) < 0
            ORDER BY 1 LIMIT 20
            """
        )
    )

    private static let booksMatchReservations = AuditCheck(
        promise: 3,
        name: "a tier's held, paying and sold are the sums of its reservations",
        query: Query(
            "audit.books_match_reservations",
            """
            SELECT format('tier %s of on-sale %s: books %s held %s paying %s sold, reservations %s %s %s',
                coalesce(t.id, r.tier), coalesce(t.on_sale_id, r.on_sale_id), t.held, t.paying, t.sold,
                coalesce(r.held, 0), coalesce(r.paying, 0), coalesce(r.sold, 0))
            FROM tiers AS t
            FULL JOIN (
                SELECT on_sale_id, tier,
                    sum(quantity) FILTER (WHERE state = 'held') AS held,
                    sum(quantity) FILTER (WHERE state = 'paying') AS paying,
                    sum(quantity) FILTER (WHERE state = 'sold') AS sold
                FROM all_reservations GROUP BY on_sale_id, tier
            ) AS r ON r.on_sale_id = t.on_sale_id AND r.tier = t.id
            WHERE (t.held, t.paying, t.sold)
                IS DISTINCT FROM (coalesce(r.held, 0), coalesce(r.paying, 0), coalesce(r.sold, 0))
            ORDER BY 1 LIMIT 20
            """
        )
    )

    private static let booksMatchSeats = AuditCheck(
        promise: 3,
        name: "a numbered tier's books are the counts of its seats",
        query: Query(
            "audit.books_match_seats",
            """
            SELECT format('tier %s of on-sale %s: the seats are %s free, %s withheld, %s held, %s paying, %s sold',
                t.id, t.on_sale_id, s.free, s.withheld, s.held, s.paying, s.sold)
            FROM tiers AS t
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE state = 'free') AS free,
                    count(*) FILTER (WHERE state = 'withheld') AS withheld,
                    count(*) FILTER (WHERE state = 'held') AS held,
                    count(*) FILTER (WHERE state = 'paying') AS paying,
                    count(*) FILTER (WHERE state = 'sold') AS sold
                FROM seats WHERE seats.on_sale_id = t.on_sale_id AND seats.tier = t.id
            ) AS s
            WHERE t.numbered
                AND (t.free, t.withheld, t.held, t.paying, t.sold) <> (s.free, s.withheld, s.held, s.paying, s.sold)
            ORDER BY 1 LIMIT 20
            """
        )
    )

    private static let seatsMatchReservations = AuditCheck(
        promise: 3,
        name: "a taken seat and the reservation that lists it name each other and agree on the state",
        query: Query(
            "audit.seats_match_reservations",
            """
            SELECT format('seat %s of on-sale %s is %s for reservation %s, and listed as %s by %s',
                coalesce(s.seat, l.seat), coalesce(s.on_sale_id, l.on_sale_id), s.state, s.reservation_id, l.state,
                l.id)
            FROM (SELECT * FROM seats WHERE state IN ('held', 'paying', 'sold')) AS s
            FULL JOIN (
                SELECT r.id, r.on_sale_id, r.state, u.seat
                FROM all_reservations AS r CROSS JOIN LATERAL unnest(r.seats) AS u (seat)
                WHERE r.state IN ('held', 'paying', 'sold')
            ) AS l ON l.on_sale_id = s.on_sale_id AND l.seat = s.seat
            WHERE s.reservation_id IS DISTINCT FROM l.id OR s.state IS DISTINCT FROM l.state
            ORDER BY 1 LIMIT 20
            """
        )
    )

    private static let limitsHold = AuditCheck(
        promise: 3,
        name: "no buyer has more tickets than a buyer may have",
        query: Query(
            "audit.limits_hold",
            """
            SELECT format('admission %s of on-sale %s has %s tickets of at most %s', r.admission_id, r.on_sale_id,
                sum(r.quantity), coalesce(a.max_per_buyer, c.max_per_buyer))
            FROM all_reservations AS r
            JOIN reservation_rules AS c ON c.on_sale_id = r.on_sale_id
            LEFT JOIN admissions AS a ON a.admission_id = r.admission_id
            WHERE r.state IN ('held', 'paying', 'sold')
            GROUP BY r.on_sale_id, r.admission_id, coalesce(a.max_per_buyer, c.max_per_buyer)
            HAVING sum(r.quantity) > coalesce(a.max_per_buyer, c.max_per_buyer)
            ORDER BY 1 LIMIT 20
            """
        )
    )
}
