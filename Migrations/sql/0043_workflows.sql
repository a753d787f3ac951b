-- What runs of workflows have beyond a job's row.
ALTER TABLE jobs ADD COLUMN paused boolean NOT NULL DEFAULT false;   -- nobody drives it until it is resumed
ALTER TABLE jobs ADD COLUMN code_version integer;                    -- the version of its code it is pinned to; null: any
ALTER TABLE jobs ADD COLUMN run_until timestamptz;                   -- it times out then
ALTER TABLE jobs ADD COLUMN cleans_up boolean NOT NULL DEFAULT false; -- has code to run when it is cancelled
ALTER TABLE jobs ADD COLUMN trace text;                              -- the W3C traceparent of who started it

-- What happens when a parked run's time comes, instead of a go: a function of SQL that is called for all that expire
-- together, and whose answer is the run's output.
ALTER TABLE jobs ADD COLUMN transition text;
ALTER TABLE jobs ADD COLUMN transition_input jsonb;

-- What runs publish: the last value of each name, readable without waking the run.
CREATE TABLE run_values (
    job_id bigint NOT NULL,
    name text NOT NULL,
    value jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, name)
) PARTITION BY RANGE (job_id);

-- What runs are searched by.
CREATE TABLE run_attributes (
    job_id bigint NOT NULL,
    name text NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (job_id, name)
) PARTITION BY RANGE (job_id);
CREATE INDEX run_attributes_value ON run_attributes (name, value, job_id);

-- How many children of a fan-out have not ended yet. The parent's row is locked whenever it changes.
CREATE TABLE fan_ins (
    job_id bigint NOT NULL,
    key text NOT NULL,
    open integer NOT NULL,
    PRIMARY KEY (job_id, key)
);

-- Children whose parents have ended without them.
CREATE TABLE orphaned_runs (
    job_id bigint PRIMARY KEY,
    reason text NOT NULL
);

CREATE OR REPLACE FUNCTION ensure_journal_ranges() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    range bigint;
    parent text;
BEGIN
    FOR range, parent IN
        SELECT r.ordinal, t.parent
        FROM job_ranges r, unnest(ARRAY['job_progress', 'job_logs', 'run_values', 'run_attributes']) AS t (parent)
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
            EXECUTE format('DROP TABLE %I', part);
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
END
$$;
