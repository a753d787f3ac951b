-- What jobs say of themselves while they run, written in batches beside their work. Both live and go with the job's range.
CREATE TABLE job_progress (
    job_id bigint PRIMARY KEY,
    fraction double precision NOT NULL CHECK (fraction BETWEEN 0 AND 1),
    message text NOT NULL,
    at timestamptz NOT NULL
) PARTITION BY RANGE (job_id);

CREATE SEQUENCE job_log_ordinals CACHE 100;
CREATE TABLE job_logs (
    job_id bigint NOT NULL,
    ordinal bigint NOT NULL DEFAULT nextval('job_log_ordinals'),
    at timestamptz NOT NULL,
    attempt smallint NOT NULL,
    level text NOT NULL,
    message text NOT NULL,
    fields jsonb,
    PRIMARY KEY (job_id, ordinal)
) PARTITION BY RANGE (job_id);


-- Makes the parts that are missing for the ranges of jobs that there are.
CREATE FUNCTION ensure_journal_ranges() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    range bigint;
    parent text;
BEGIN
    FOR range, parent IN
        SELECT r.ordinal, t.parent FROM job_ranges r, unnest(ARRAY['job_progress', 'job_logs']) AS t (parent)
        WHERE to_regclass(format('%I.%I', current_schema(), t.parent || '_' || r.ordinal)) IS NULL
        ORDER BY r.ordinal, t.parent
    LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', parent || '_' || range, parent,
            range * job_range_size(), (range + 1) * job_range_size()
        );
    END LOOP;
END
$$;
SELECT ensure_journal_ranges();

-- Drops the parts whose range of jobs is gone.
CREATE FUNCTION drop_journal_ranges() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('job_progress'::regclass, 'job_logs'::regclass) AND NOT EXISTS (
            SELECT FROM job_ranges r WHERE c.relname IN ('job_progress_' || r.ordinal, 'job_logs_' || r.ordinal))
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE NOWAIT', part);
            EXECUTE format('DROP TABLE %I', part);
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
END
$$;
