-- As before, and tells the log; what is told of a reservation says of which on-sale it is.
--
-- Lets go of holds whose deadline has passed. What was extended meanwhile, is being paid for or has ended is turned
-- down, and its run finds out.
--
-- In the house's order of locks: reservations, then the tiers last; whoever has a reservation has its seats, and whoever
-- takes several reservations has locked their runs before, as the caller has. The reservations are read once, by the
-- change itself.
CREATE OR REPLACE FUNCTION expire_holds(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := usher_now();
    due bigint[];
    told jsonb[];
    on_sales bigint[];
    names text[];
    quantities bigint[];
BEGIN
    WITH gone AS (
        UPDATE reservations r SET state = 'expired', problem = NULL, ended_at = at
        WHERE r.id = ANY (runs) AND r.state = 'held' AND r.expires_at <= at
        RETURNING r.id, r.on_sale_id, r.tier, r.quantity, r.seats, r.total, r.currency
    ), logged AS (
        INSERT INTO facts (on_sale_id, recorded_at, kind, data)
        SELECT r.on_sale_id, at, 'reservation.expired', jsonb_build_object(
            'reservation', g.argument->>'reservation', 'session', g.argument->>'recipient', 'tier', r.tier,
            'quantity', r.quantity, 'total', r.total, 'currency', r.currency)
        FROM unnest(runs, arguments) AS g (run, argument) JOIN gone r ON r.id = g.run
        ORDER BY r.id
    ), freed AS (
        UPDATE seats s SET state = 'free', reservation_id = NULL
        FROM (SELECT g.on_sale_id, unnest(g.seats) AS seat FROM gone g) AS given
        WHERE s.on_sale_id = given.on_sale_id AND s.seat = given.seat
    ), back AS MATERIALIZED (
        SELECT g.on_sale_id, g.tier, sum(g.quantity) AS quantity FROM gone g GROUP BY g.on_sale_id, g.tier
    ), news AS (
        SELECT w.key
        FROM (
            SELECT array_agg('expired'::text) AS kinds, array_agg(g.argument->>'recipient') AS recipients,
                array_agg(jsonb_build_object(
                    'reservation', g.argument->>'reservation', 'tier', r.tier, 'quantity', r.quantity,
                    'total', r.total, 'currency', r.currency)) AS payloads,
                array_agg(g.argument->>'key') AS keys, array_agg(at + interval '1 hour') AS ends,
                array_agg(r.on_sale_id) AS sales
            FROM unnest(runs, arguments) AS g (run, argument) JOIN gone r ON r.id = g.run
        ) AS n, write_notifications(n.kinds, n.recipients, n.payloads, n.keys, n.ends, n.sales) AS w (key)
    )
    SELECT (SELECT array_agg(g.id) FROM gone g), (SELECT array_agg(to_jsonb(n.key)) FROM news n),
        array_agg(b.on_sale_id), array_agg(b.tier), array_agg(b.quantity)
    INTO due, told, on_sales, names, quantities FROM back b;

    IF due IS NOT NULL THEN
        PERFORM start_runs('notify', told, 'notifications');

        PERFORM FROM tiers t WHERE t.on_sale_id = ANY (on_sales) ORDER BY t.on_sale_id, t.id FOR NO KEY UPDATE;
        UPDATE tiers t SET free = t.free + b.quantity, held = t.held - b.quantity
        FROM unnest(on_sales, names, quantities) AS b (on_sale_id, tier, quantity)
        WHERE t.on_sale_id = b.on_sale_id AND t.id = b.tier;
    END IF;

    RETURN QUERY SELECT g.run, CASE WHEN d.id IS NOT NULL THEN '"expired"'::jsonb END
    FROM unnest(runs) AS g (run) LEFT JOIN unnest(due) AS d (id) ON d.id = g.run;
END
$$;
