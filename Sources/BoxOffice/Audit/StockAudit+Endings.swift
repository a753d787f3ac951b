internal import Jobs
internal import Postgres

extension StockAudit {
    static let nothingIsStuck = AuditCheck(
        promise: 4,
        name: "no reservation is held or paying more than 30 s after its deadline",
        query: Query(
            "audit.nothing_is_stuck",
            """
            SELECT format('reservation %s is %s since %s, its deadline was %s', id, state, held_at, expires_at)
            FROM reservations
            WHERE state IN ('held', 'paying') AND expires_at < (SELECT usher_now()) - interval '30 s'
            ORDER BY 1 LIMIT 20
            """
        )
    )

    static let runsAgree = AuditCheck(
        promise: 4,
        name: "no reservation is held or paying whose run has ended",
        query: Query(
            "audit.runs_agree",
            """
            SELECT format('reservation %s is %s, its run is %s', r.id, r.state, coalesce(j.state::text, 'missing'))
            FROM reservations AS r
            LEFT JOIN jobs AS j ON j.id = r.id
            WHERE r.state IN ('held', 'paying')
                AND (j.id IS NULL OR j.state IN ('done', 'failed', 'cancelled'))
            ORDER BY 1 LIMIT 20
            """
        )
    )

    static let moneyHasItsReservation = AuditCheck(
        promise: 4,
        name:
            "each captured payment belongs to exactly one sold or refunded reservation, and is for its price",
        query: Query(
            "audit.money_has_its_reservation",
            """
            SELECT format('payment %s is %s of %s, its reservation is %s at attempt %s for %s', p.reference, p.state,
                p.amount, coalesce(r.state, 'missing'), r.attempt, r.total)
            FROM all_payments AS p
            LEFT JOIN all_reservations AS r ON r.id = p.reservation_id
            WHERE p.state IN ('captured', 'refunded')
                AND (r.attempt, r.total, r.currency, r.state) IS DISTINCT FROM (p.attempt, p.amount, p.currency,
                    CASE p.state WHEN 'captured' THEN 'sold' ELSE 'refunded' END)
            ORDER BY 1 LIMIT 20
            """
        )
    )

    static let salesArePaid = AuditCheck(
        promise: 4,
        name:
            "each sold reservation has a payment that is authorised or captured, each refunded one a refunded payment",
        query: Query(
            "audit.sales_are_paid",
            """
            SELECT format('reservation %s is %s, its payment is %s', r.id, r.state, coalesce(p.state, 'missing'))
            FROM all_reservations AS r
            LEFT JOIN all_payments AS p ON p.reservation_id = r.id AND p.attempt = r.attempt
            WHERE (r.state = 'sold' AND coalesce(p.state, '') NOT IN ('authorised', 'captured', 'needs_person'))
                OR (r.state = 'refunded' AND coalesce(p.state, '') <> 'refunded')
            ORDER BY 1 LIMIT 20
            """
        )
    )

    static let reservationsAreWhole = AuditCheck(
        promise: 4,
        name: "a reservation has ended if and only if its ending has a time",
        query: Query(
            "audit.reservations_are_whole",
            """
            SELECT format('reservation %s is %s and ended at %s', id, state, ended_at)
            FROM all_reservations
            WHERE (state IN ('held', 'paying')) <> (ended_at IS NULL)
            ORDER BY 1 LIMIT 20
            """
        )
    )

    static let casesAreClosed = AuditCheck(
        promise: 4,
        name: "no payment has waited for a person for more than a day",
        query: Query(
            "audit.cases_are_closed",
            """
            SELECT format('payment %s of reservation %s waits for a person since %s: %s', reference, reservation_id,
                updated_at, coalesce(detail, 'the provider said nothing'))
            FROM payments
            WHERE state = 'needs_person' AND updated_at < (SELECT usher_now()) - interval '1 day'
            ORDER BY updated_at LIMIT 20
            """
        )
    )
}
