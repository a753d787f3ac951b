-- A fair window is of the jobs of a key that stand in lanes, no longer of those that run, too: so a key that has the
-- workers to itself runs as many as they take, and a job of another key still waits for no more than the window.
--
-- A claim makes room under it, so in queues that have one it signals its keys.
CREATE OR REPLACE FUNCTION key_room(
    queue_name text, wanted_key text, moment timestamptz, OUT slots integer, OUT tokens integer,
    OUT rate double precision, OUT burst integer, OUT empty_at timestamptz, OUT signal_at timestamptz
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    most integer;
    fair integer;
BEGIN
    SELECT CASE WHEN l.is_own THEN l.max_running ELSE q.key_max_running END, q.fair_window,
        CASE WHEN l.is_own THEN l.rate ELSE q.key_rate END, CASE WHEN l.is_own THEN l.burst ELSE q.key_burst END,
        coalesce(l.empty_at, 'epoch'), l.signal_at
    INTO most, fair, rate, burst, empty_at, signal_at
    FROM (SELECT) AS one
        LEFT JOIN queue_limits q ON q.queue = queue_name
        LEFT JOIN limit_keys l ON l.queue = queue_name AND l.key = wanted_key;
    slots := 2147483647;
    IF most IS NOT NULL THEN
        SELECT most - count(*) INTO slots
        FROM (SELECT FROM admitted a WHERE a.queue = queue_name AND a.key = wanted_key LIMIT most) AS held;
    END IF;
    IF fair IS NOT NULL AND slots > 0 THEN
        SELECT least(slots, fair - count(*)) INTO slots
        FROM (
            SELECT FROM queues q CROSS JOIN admitted a CROSS JOIN LATERAL (
                SELECT FROM ready r
                WHERE r.lane IN (lane_of(q.first_lane, q.lanes, 0::smallint, a.job_id),
                        lane_of(q.first_lane, q.lanes, 1::smallint, a.job_id))
                    AND r.rank = a.rank AND r.job_id = a.job_id OFFSET 0
            ) AS place
            WHERE q.name = queue_name AND a.queue = queue_name AND a.key = wanted_key LIMIT fair
        ) AS lined;
    END IF;
    tokens := bucket_tokens(rate, burst, empty_at, moment);
END
$$;
