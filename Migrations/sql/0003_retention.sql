-- Finished ranges are dropped whole, never deleted row by row.

-- Makes sure that the next ids have a place to go, one range ahead.
CREATE FUNCTION extend_job_ranges() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    current_range bigint;
    made integer := 0;
BEGIN
    SELECT last_value / job_range_size() INTO current_range FROM job_ids;
    FOR wanted IN current_range .. current_range + 1 LOOP
        IF ensure_job_range(wanted) THEN
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;

-- Drops ranges below the current one in which everything ended longer ago than keep. A range that someone reads
-- right now is left for the next time.
CREATE FUNCTION drop_job_ranges(keep interval) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    range bigint;
    over boolean;
    dropped integer := 0;
BEGIN
    FOR range IN
        SELECT r.ordinal FROM job_ranges r
        WHERE r.ordinal < (SELECT last_value / job_range_size() FROM job_ids)
            AND r.created_at < usher_now() - keep
        ORDER BY r.ordinal
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE NOWAIT', 'jobs_' || range);
            EXECUTE format(
                'SELECT NOT EXISTS (SELECT FROM %I WHERE state NOT IN (''done'', ''failed'', ''cancelled'') '
                'OR finished_at > usher_now() - $1)', 'jobs_' || range
            ) INTO over USING keep;
            IF over THEN
                EXECUTE format('DROP TABLE %I, %I, %I', 'jobs_' || range, 'checkpoints_' || range, 'events_' || range);
                DELETE FROM job_keys WHERE job_id >= range * job_range_size() AND job_id < (range + 1) * job_range_size();
                DELETE FROM dead_letters
                    WHERE job_id >= range * job_range_size() AND job_id < (range + 1) * job_range_size();
                DELETE FROM job_ranges WHERE ordinal = range;
                dropped := dropped + 1;
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
    RETURN dropped;
END
$$;
