-- Where a job stands, and when its range is over, now that jobs may wait for their key.

-- A job with a key stands at another place in its lane than its row says: its slot tells.
CREATE OR REPLACE FUNCTION standing(id bigint, state job_state, queue text, rank bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN $2 <> 'queued' THEN $2::text
        WHEN EXISTS (
            SELECT FROM queues q, ready r
            WHERE q.name = $3 AND r.lane IN (lane_of(q.first_lane, q.lanes, 0::smallint, $1),
                lane_of(q.first_lane, q.lanes, 1::smallint, $1)) AND r.rank = $4 AND r.job_id = $1
        ) THEN 'ready'
        WHEN EXISTS (SELECT FROM claims c WHERE NOT c.is_run AND $1 = ANY (c.job_ids)) THEN 'running'
        WHEN EXISTS (
            SELECT FROM jobs j JOIN blocked b ON b.queue = $3 AND b.key = j.limit_key AND b.rank = $4 AND b.job_id = $1
            WHERE j.id = $1
        ) THEN 'blocked'
        WHEN EXISTS (
            SELECT FROM jobs j JOIN admitted a ON a.queue = $3 AND a.key = j.limit_key AND a.job_id = $1
            WHERE j.id = $1
        ) THEN 'ready'
        ELSE 'done'
    END
$$;

-- Drops ranges below the current one in which everything ended longer ago than keep, and the closures that tell of no
-- other. A range that someone reads right now is left for the next time.
CREATE OR REPLACE FUNCTION drop_job_ranges(keep interval) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    range bigint;
    low bigint;
    high bigint;
    over boolean;
    dropped integer := 0;
BEGIN
    FOR range IN
        SELECT r.ordinal FROM job_ranges r
        WHERE r.ordinal < (SELECT last_value / job_range_size() FROM job_ids)
            AND r.created_at < usher_now() - keep
        ORDER BY r.ordinal
    LOOP
        low := range * job_range_size();
        high := (range + 1) * job_range_size();
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE NOWAIT', 'jobs_' || range);
            EXECUTE format(
                'SELECT NOT EXISTS (SELECT FROM %I WHERE state IN (''scheduled'', ''ready'', ''running'', ''waiting'') '
                'OR finished_at > usher_now() - $1)', 'jobs_' || range
            ) INTO over USING keep;
            -- Plain jobs have no end in their rows: they are over when nobody can claim them, nobody holds them, and
            -- their closures are as old.
            over := over
                AND NOT EXISTS (
                    SELECT FROM closures c
                    WHERE c.closed_at > usher_now() - keep AND c.greatest_id >= low AND c.least_id < high)
                AND NOT EXISTS (SELECT FROM ready r WHERE r.job_id >= low AND r.job_id < high)
                AND NOT EXISTS (SELECT FROM blocked b WHERE b.job_id >= low AND b.job_id < high)
                AND NOT EXISTS (
                    SELECT FROM claims c, unnest(c.job_ids) AS held (id)
                    WHERE NOT c.is_run AND held.id >= low AND held.id < high);
            IF over THEN
                EXECUTE format('DROP TABLE %I, %I, %I', 'jobs_' || range, 'checkpoints_' || range, 'events_' || range);
                DELETE FROM job_keys WHERE job_id >= low AND job_id < high;
                DELETE FROM dead_letters WHERE job_id >= low AND job_id < high;
                DELETE FROM job_ranges WHERE ordinal = range;
                dropped := dropped + 1;
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
    IF dropped > 0 THEN
        DELETE FROM closures WHERE greatest_id < (SELECT min(ordinal) FROM job_ranges) * job_range_size();
    END IF;
    RETURN dropped;
END
$$;
