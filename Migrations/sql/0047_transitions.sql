-- When a parked run's time comes that is to end by a function of SQL (jobs.transition). Apart from the other timers, so
-- that neither kind stands in the other's way, and by function, because all runs of one are ended by one call.
CREATE TABLE transition_timers (
    function text NOT NULL COLLATE "C",
    wake_at timestamptz NOT NULL,
    job_id bigint NOT NULL,
    PRIMARY KEY (function, wake_at, job_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- Starts runs of a workflow, from a function that ends others for example.
--
--     SELECT start_runs('receipt', ARRAY['{"order": 7}', '{"order": 8}']::jsonb[], queue => 'mail');
--
-- It can be called with any search_path. Workers find the runs within their polling interval. A workflow that pins its
-- runs or bounds their time has to be given both here, too.
CREATE FUNCTION start_runs(
    name text,
    inputs jsonb[],
    queue text DEFAULT 'default',
    priority integer DEFAULT 0,
    code_version integer DEFAULT NULL,      -- null: any
    timeout interval DEFAULT NULL           -- null: as long as it likes
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known record;
BEGIN
    IF $1 IS NULL OR array_position($2, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'start_runs: name and inputs must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT q.* INTO known FROM queues q WHERE q.name = $3;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'start_runs: there is no queue %; start a worker for it or call ensure_queue first', $3
            USING ERRCODE = 'undefined_object';
    END IF;
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT nextval('job_ids') AS id, g.input, rank_of($4::smallint, known.ageing_ms, usher_now()) AS rank
        FROM unnest($2) AS g (input)
    ), made AS (
        INSERT INTO jobs (id, name, home_queue, queue, priority, is_run, state, rank, input, code_version, run_until)
        SELECT g.id, $1, $3, $3, $4, true, 'ready', g.rank, g.input, $5, usher_now() + $6 FROM given g
    ), lined AS (
        INSERT INTO ready (rank, job_id, lane, is_run)
        SELECT g.rank, g.id, lane_of(known.first_lane, known.lanes, known.side, g.id), true FROM given g
    )
    SELECT g.id FROM given g;
END
$$;

DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION start_runs SET search_path = %I, pg_temp', current_schema());
END
$$;

-- Lets go of holds whose deadline has passed. What was extended meanwhile, is being paid for or has ended is turned
-- down, and its run finds out.
--
-- In the house's order of locks: reservations, then the tiers last; whoever has a reservation has its seats.
CREATE FUNCTION expire_holds(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    due bigint[];
    told jsonb[];
BEGIN
    SELECT array_agg(l.id) INTO due
    FROM (
        SELECT r.id, r.state, r.expires_at FROM reservations r WHERE r.id = ANY (runs)
        ORDER BY r.id FOR NO KEY UPDATE
    ) AS l
    WHERE l.state = 'held' AND l.expires_at <= usher_now();

    IF due IS NOT NULL THEN
        UPDATE reservations r SET state = 'expired', problem = NULL, ended_at = (SELECT usher_now())
        WHERE r.id = ANY (due);

        UPDATE seats s SET state = 'free', reservation_id = NULL
        FROM (
            SELECT r.on_sale_id, unnest(r.seats) AS seat FROM reservations r
            WHERE r.id = ANY (due) AND cardinality(r.seats) > 0
        ) AS freed
        WHERE s.on_sale_id = freed.on_sale_id AND s.seat = freed.seat;

        WITH news AS (
            INSERT INTO notifications (kind, recipient, payload, dedupe_key, not_after, created_at)
            SELECT 'expired', g.argument->>'recipient', jsonb_build_object(
                    'reservation', g.argument->>'reservation', 'tier', r.tier, 'quantity', r.quantity,
                    'total', r.total, 'currency', r.currency),
                g.argument->>'key', n.at + interval '1 hour', n.at
            FROM unnest(runs, arguments) AS g (run, argument)
                JOIN reservations r ON r.id = g.run, (SELECT usher_now()) AS n (at)
            WHERE g.run = ANY (due)
            ORDER BY g.argument->>'key'
            ON CONFLICT (dedupe_key) DO NOTHING
            RETURNING dedupe_key
        )
        SELECT array_agg(to_jsonb(n.dedupe_key)) INTO told FROM news n;
        PERFORM start_runs('notify', told, 'notifications');

        PERFORM FROM tiers t
        WHERE t.on_sale_id IN (SELECT r.on_sale_id FROM reservations r WHERE r.id = ANY (due))
        ORDER BY t.on_sale_id, t.id FOR NO KEY UPDATE;
        UPDATE tiers t SET free = t.free + back.quantity, held = t.held - back.quantity
        FROM (
            SELECT r.on_sale_id, r.tier, sum(r.quantity) AS quantity FROM reservations r
            WHERE r.id = ANY (due) GROUP BY r.on_sale_id, r.tier
        ) AS back
        WHERE t.on_sale_id = back.on_sale_id AND t.id = back.tier;
    END IF;

    RETURN QUERY SELECT g.run, CASE WHEN g.run = ANY (due) THEN '"expired"'::jsonb END FROM unnest(runs) AS g (run);
END
$$;
