package import Jobs
internal import Postgres

/// What SQL can see of the promises about places and admission, and of the audit's own chain.
package enum RoomAudit {
    /// Every query returns one text per offender, at most twenty.
    package static let checks: [AuditCheck] = [
        AuditCheck(
            promise: 5,
            name: "arrival numbers are issued without gaps",
            query: Query(
                "audit.arrivals",
                """
                SELECT format('on-sale %s: %s numbers issued, %s places, the last is %s', a.on_sale_id, a.issued,
                    p.count, p.last)
                FROM arrivals a CROSS JOIN LATERAL (
                    SELECT count(*) AS count, coalesce(max(arrival), 0) AS last FROM places
                    WHERE on_sale_id = a.on_sale_id) p
                WHERE p.count <> a.issued OR p.last <> a.issued LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 5,
            name: "a buyer has one place",
            query: Query(
                "audit.buyers",
                """
                SELECT format('on-sale %s: %s places of one buyer, the first arrived as %s', on_sale_id, count(*),
                    min(arrival))
                FROM places GROUP BY on_sale_id, buyer HAVING count(*) > 1 LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 5,
            name: "no two places share a number, and late arrivals follow in order",
            query: Query(
                "audit.numbers",
                """
                SELECT format('on-sale %s: the place that arrived as %s has number %s of %s drawn', p.on_sale_id,
                    p.arrival, p.number, o.entries)
                FROM places p JOIN on_sales o USING (on_sale_id)
                WHERE p.number IS NOT NULL AND (o.entries IS NULL
                    OR p.arrival > o.entries AND p.number <> p.arrival
                    OR p.arrival <= o.entries AND p.number NOT BETWEEN 1 AND o.entries)
                UNION ALL
                SELECT format('on-sale %s: number %s belongs to %s places', on_sale_id, number, count(*))
                FROM places WHERE number IS NOT NULL GROUP BY on_sale_id, number HAVING count(*) > 1
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 5,
            name: "a draw is flagged with what it was made without",
            query: Query(
                "audit.draw_flags",
                """
                SELECT format('on-sale %s: beacon %s, its value %s, the secret %s, but flagged %s', o.on_sale_id,
                    d.beacon, CASE WHEN d.beacon_value IS NULL THEN 'missing' ELSE 'there' END,
                    CASE WHEN o.draw_secret IS NULL THEN 'missing' ELSE 'there' END, d.flags)
                FROM on_sales o JOIN draws d USING (on_sale_id)
                WHERE o.drawn_at IS NOT NULL AND (
                    ('no_beacon' = ANY (d.flags)) <> (d.beacon = 'none')
                    OR ('beacon_missing' = ANY (d.flags)) <> (d.beacon <> 'none' AND d.beacon_value IS NULL)
                    OR ('secret_withheld' = ANY (d.flags)) <> (o.draw_secret IS NULL))
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 5,
            name: "a member of a group used a code of it, or was invited",
            query: Query(
                "audit.members",
                """
                SELECT format('on-sale %s: the place that arrived as %s belongs to group %s without code or invitation',
                    p.on_sale_id, p.arrival, p.group_ordinal)
                FROM places p
                WHERE p.group_ordinal > 0
                    AND NOT EXISTS (SELECT FROM presale_codes c WHERE c.on_sale_id = p.on_sale_id
                        AND c.buyer = p.buyer AND c.group_ordinal = p.group_ordinal)
                    AND NOT EXISTS (SELECT FROM invitations i WHERE i.on_sale_id = p.on_sale_id AND i.buyer = p.buyer)
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 5,
            name: "turns follow each other up to the serving number",
            query: Query(
                "audit.turns",
                """
                SELECT format('on-sale %s: serving is %s of %s issued, but the turns run to %s without %s numbers',
                    o.on_sale_id, o.serving, a.issued, t.last, t.last - t.covered)
                FROM on_sales o JOIN arrivals a USING (on_sale_id) CROSS JOIN LATERAL (
                    SELECT coalesce(max(last_number), 0) AS last,
                        coalesce(sum(last_number - first_number + 1), 0) AS covered
                    FROM turns WHERE on_sale_id = o.on_sale_id) t
                WHERE t.last <> o.serving OR t.covered <> o.serving OR o.serving > a.issued LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 6,
            name: "nobody was admitted before being called",
            query: Query(
                "audit.admitted",
                """
                SELECT format('admission %s of on-sale %s: number %s came in at %s, serving is %s, called at %s',
                    m.admission_id, m.on_sale_id, m.number, m.admitted_at, o.serving, t.called_at)
                FROM admissions m JOIN on_sales o USING (on_sale_id)
                    LEFT JOIN turns t ON t.on_sale_id = m.on_sale_id
                        AND m.number BETWEEN t.first_number AND t.last_number
                WHERE (m.number > o.serving OR t.called_at IS NULL OR m.admitted_at < t.called_at)
                    -- What comes back after everything was sold is offered in the order of the waitlist.
                    AND NOT EXISTS (SELECT FROM reoffers r WHERE r.on_sale_id = m.on_sale_id
                        AND r.arrival = m.arrival AND r.kind = 'waitlist' AND r.came)
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 6,
            name: "nobody came by a turn after the first before it was called",
            query: Query(
                "audit.reoffers",
                """
                SELECT format('on-sale %s: the place that arrived as %s asked again at %s, was called at %s, and came',
                    r.on_sale_id, r.arrival, r.asked_at, r.called_at)
                FROM reoffers r LEFT JOIN admissions m USING (on_sale_id, arrival)
                WHERE r.came AND (r.called_at IS NULL OR m.admitted_at IS NULL OR m.admitted_at < r.called_at)
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 6,
            name: "a place has one session, and its number",
            query: Query(
                "audit.sessions",
                """
                SELECT format('admission %s of on-sale %s: arrival %s, number %s, but the place has number %s',
                    m.admission_id, m.on_sale_id, m.arrival, m.number, p.number)
                FROM admissions m LEFT JOIN places p USING (on_sale_id, arrival)
                WHERE p.number IS DISTINCT FROM m.number OR p.admitted_at IS NULL
                UNION ALL
                SELECT format('on-sale %s: the place that arrived as %s has %s sessions', on_sale_id, arrival, count(*))
                FROM admissions GROUP BY on_sale_id, arrival HAVING count(*) > 1
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 6,
            name: "every reservation belongs to a session of its on-sale",
            query: Query(
                "audit.reservations",
                """
                SELECT format('reservation %s of on-sale %s: admission %s', r.id, r.on_sale_id, r.admission_id)
                FROM all_reservations r LEFT JOIN admissions m USING (admission_id)
                WHERE m.on_sale_id IS DISTINCT FROM r.on_sale_id
                    OR r.state IN ('held', 'paying') AND m.end_reason IN ('expired', 'bought', 'sold_out', 'closed')
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 7,
            name: "the audit's chain is unbroken",
            query: Query(
                "audit.chain",
                """
                SELECT format('%s: entry %s (%s by %s)',
                    CASE on_sale_id WHEN 0 THEN 'operators' ELSE 'on-sale ' || on_sale_id END, ordinal, action, actor)
                FROM (
                    SELECT *, coalesce(lag(hash) OVER chain, '') AS previous, row_number() OVER chain AS position
                    FROM audit_entries WINDOW chain AS (PARTITION BY on_sale_id ORDER BY ordinal)
                ) entry
                WHERE position <> ordinal OR hash <> audit_hash(previous, on_sale_id, ordinal, recorded_at, actor,
                    action, detail)
                UNION ALL
                SELECT format('%s: %s entries of %s, or their end is another',
                    CASE c.on_sale_id WHEN 0 THEN 'operators' ELSE 'on-sale ' || c.on_sale_id END, count(e.ordinal),
                    c.entries)
                FROM audit_chains c LEFT JOIN audit_entries e USING (on_sale_id)
                GROUP BY c.on_sale_id, c.entries, c.hash
                HAVING count(e.ordinal) <> c.entries
                    OR coalesce((array_agg(e.hash ORDER BY e.ordinal DESC))[1], '') <> c.hash
                UNION ALL
                SELECT format('on-sale %s has entries and no chain', e.on_sale_id)
                FROM audit_entries e LEFT JOIN audit_chains c USING (on_sale_id)
                WHERE c.on_sale_id IS NULL GROUP BY e.on_sale_id
                LIMIT 20
                """
            )
        ),
    ]
}
