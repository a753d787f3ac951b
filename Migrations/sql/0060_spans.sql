-- A range of ids is a span of time also where little happens: a sequence that has been within one range for too long goes
-- on at the start of the next. So what is kept by ranges can be dropped by age.
CREATE TABLE sequence_spans (
    sequence  text        NOT NULL PRIMARY KEY,
    span      bigint      NOT NULL,    -- the range it is in
    began_at  timestamptz NOT NULL     -- since when, as far as anybody looked
);

-- Moves a sequence to its next range when it has been in this one for longer than `every`. The caller has made that
-- range. ALTER SEQUENCE keeps others from taking ids until the commit.
CREATE FUNCTION turn_sequence(name text, size bigint, every interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    reached bigint;
    known sequence_spans;
BEGIN
    EXECUTE format('SELECT last_value FROM %I', name) INTO reached;
    SELECT * INTO known FROM sequence_spans s WHERE s.sequence = name FOR UPDATE;
    IF known.span IS DISTINCT FROM reached / size THEN
        INSERT INTO sequence_spans AS s (sequence, span, began_at) VALUES (name, reached / size, usher_now())
        ON CONFLICT (sequence) DO UPDATE SET span = excluded.span, began_at = excluded.began_at;
        RETURN false;
    END IF;
    IF known.began_at > usher_now() - every THEN
        RETURN false;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    EXECUTE format('ALTER SEQUENCE %I NO CYCLE', name);
    EXECUTE format('SELECT last_value FROM %I', name) INTO reached;
    IF reached / size > known.span THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER SEQUENCE %I RESTART WITH %s', name, (known.span + 1) * size);
    UPDATE sequence_spans s SET span = known.span + 1, began_at = usher_now() WHERE s.sequence = name;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;

-- Makes ranges ahead, and goes on to the next one when this one has lasted for long enough.
CREATE FUNCTION turn_job_range(every interval) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM extend_job_ranges();
    PERFORM ensure_journal_ranges();
    IF NOT turn_sequence('job_ids', job_range_size(), every) THEN
        RETURN false;
    END IF;
    PERFORM extend_job_ranges();
    PERFORM ensure_journal_ranges();
    RETURN true;
END
$$;

-- As before, but for the locks: dropping a part locks its table, too, and everybody waits behind whoever waits for that.
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
                PERFORM set_config('lock_timeout', '100ms', true);
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

CREATE OR REPLACE FUNCTION drop_journal_ranges() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN (
                'job_progress'::regclass, 'job_logs'::regclass, 'run_values'::regclass, 'run_attributes'::regclass)
            AND NOT EXISTS (
                SELECT FROM job_ranges r
                WHERE c.relname IN (
                    'job_progress_' || r.ordinal, 'job_logs_' || r.ordinal, 'run_values_' || r.ordinal,
                    'run_attributes_' || r.ordinal))
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE NOWAIT', part);
            PERFORM set_config('lock_timeout', '100ms', true);
            EXECUTE format('DROP TABLE %I', part);
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
END
$$;
