-- The engine's tables. Names are unqualified: search_path decides the schema, so several Ushers share a database.

-- Time is the database's, read through one function that a test can move. Statements call it once, as
-- (SELECT usher_now()), because it costs some microseconds.
CREATE TABLE clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    shift interval NOT NULL DEFAULT '0'
);
INSERT INTO clock DEFAULT VALUES;

CREATE FUNCTION usher_now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN now() + (SELECT shift FROM clock);
END
$$;

-- A queue is a named stream of jobs, cut into lanes: hash slices that are leaf tables of their own. Each lane has two
-- sides. New jobs go to one side; when that has gathered dead rows the other takes over, and the first, once empty, is
-- truncated: so a backlog's remains are gone even while someone holds an old snapshot and vacuum can do nothing.
CREATE TABLE queues (
    name text PRIMARY KEY,
    first_lane integer NOT NULL UNIQUE,     -- leaves first_lane ..< first_lane + 2 * lanes
    lanes integer NOT NULL CHECK (lanes BETWEEN 1 AND 64),
    side smallint NOT NULL DEFAULT 0 CHECK (side IN (0, 1)),
    ageing_ms bigint CHECK (ageing_ms > 0), -- one step of priority is worth this much waiting; null: any amount
    paused boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION lane_of(first_lane integer, lanes integer, side smallint, id bigint) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT first_lane + side * lanes + (id % lanes)::integer $$;

-- What a lane is ordered by: smaller first. With ageing it is the instant at which a job of priority 0 would have had
-- to come to stand here, so waiting makes up for a low priority and nothing ever has to be written for it.
CREATE FUNCTION rank_of(priority smallint, ageing_ms bigint, at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN ageing_ms IS NULL THEN priority
        ELSE floor(extract(epoch FROM at) * 1000)::bigint + priority * ageing_ms END
$$;

-- What can be claimed now: narrow, one index head per leaf. A claim deletes the row.
CREATE TABLE ready (
    rank bigint NOT NULL,
    job_id bigint NOT NULL,
    lane integer NOT NULL,
    is_run boolean NOT NULL
) PARTITION BY LIST (lane);

CREATE FUNCTION ensure_queue(queue_name text, lane_count integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first integer;
BEGIN
    IF EXISTS (SELECT FROM queues WHERE name = queue_name) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('usher.ensure_queue'), hashtext(current_schema()));
    IF EXISTS (SELECT FROM queues WHERE name = queue_name) THEN
        RETURN;
    END IF;
    SELECT coalesce(max(q.first_lane + 2 * q.lanes), 0) INTO first FROM queues q;
    FOR leaf IN first .. first + 2 * lane_count - 1 LOOP
        EXECUTE format(
            'CREATE TABLE %1$I PARTITION OF ready (PRIMARY KEY (rank, job_id)) FOR VALUES IN (%2$s) WITH ('
            'autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, '
            'autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, '
            'autovacuum_analyze_threshold = 100000)',
            'ready_' || leaf, leaf
        );
    END LOOP;
    INSERT INTO queues (name, first_lane, lanes) VALUES (queue_name, first, lane_count);
END
$$;

-- One row per job, from enqueue to retention. No column that changes is indexed, so that updates stay HOT.
--
-- A plain job's row is written at enqueue and, when all goes well, never again: it is `queued`, and whether that means
-- ready, running or done is told by where its number is: in `ready`, in `claims`, or in neither (see standing()).
-- A run's row is written at each claim and each park, because events and cancellation meet it there.
CREATE TYPE job_state AS ENUM (
    'queued', 'scheduled', 'ready', 'running', 'waiting', 'done', 'failed', 'cancelled', 'expired'
);

CREATE SEQUENCE job_ids;

CREATE TABLE jobs (
    id bigint NOT NULL PRIMARY KEY,
    name text NOT NULL,
    home_queue text NOT NULL,               -- where it waits unless a step asked for another pool
    queue text NOT NULL,                    -- where the next go is claimed
    priority smallint NOT NULL DEFAULT 0,   -- smaller first
    is_run boolean NOT NULL DEFAULT false,  -- a workflow's run, which may park
    state job_state NOT NULL,
    rank bigint NOT NULL DEFAULT 0,         -- rank_of() at enqueue: its place in the lane, now and when it comes back
    epoch integer NOT NULL DEFAULT 0,       -- grows at each claim; every later write carries it
    generation integer NOT NULL DEFAULT 0,  -- grows when a run continues as new
    failures smallint NOT NULL DEFAULT 0,   -- since the last progress
    worker_id bigint,
    cancel_requested boolean NOT NULL DEFAULT false,
    wake_at timestamptz,
    start_by timestamptz,                   -- too late to matter if nobody has claimed it by then
    waiting_for text[],
    parent_id bigint,
    parent_event text,                      -- the event the parent is told by when this ends
    input jsonb NOT NULL,
    output jsonb,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
) PARTITION BY RANGE (id);

-- A step's result, kept with the step's effect in one commit. kind: 0 result, 1 error, 2 wait, 3 retry.
CREATE TABLE checkpoints (
    job_id bigint NOT NULL,
    generation integer NOT NULL,
    key text NOT NULL,
    kind smallint NOT NULL,
    value jsonb NOT NULL,
    epoch integer NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, generation, key)
) PARTITION BY RANGE (job_id);

-- Named, durable, first-write-wins messages to a run. They may arrive before anyone waits.
CREATE TABLE events (
    job_id bigint NOT NULL,
    name text NOT NULL,
    payload jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, name)
) PARTITION BY RANGE (job_id);

-- Jobs, checkpoints and events of a range of ids live and are dropped together.
CREATE TABLE job_ranges (
    ordinal bigint PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION job_range_size() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 5000000::bigint $$;

CREATE FUNCTION ensure_job_range(wanted bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    low bigint := wanted * job_range_size();
    high bigint := (wanted + 1) * job_range_size();
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usher.ensure_job_range'), hashtext(current_schema()));
    IF EXISTS (SELECT FROM job_ranges WHERE ordinal = wanted) THEN
        RETURN false;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF jobs FOR VALUES FROM (%s) TO (%s) WITH (fillfactor = 70, '
        'autovacuum_vacuum_scale_factor = 0.05)',
        'jobs_' || wanted, low, high
    );
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF checkpoints FOR VALUES FROM (%s) TO (%s)', 'checkpoints_' || wanted, low, high
    );
    EXECUTE format('CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%s) TO (%s)', 'events_' || wanted, low, high);
    INSERT INTO job_ranges (ordinal) VALUES (wanted);
    RETURN true;
END
$$;

SELECT ensure_job_range(0), ensure_job_range(1);

-- Dedupe keys: a second start under the same key finds the first run.
CREATE TABLE job_keys (
    key text PRIMARY KEY,
    job_id bigint NOT NULL
);

-- When a parked or scheduled job must wake. A timer whose job has moved on (jobs.wake_at differs) does nothing.
CREATE TABLE timers (
    wake_at timestamptz NOT NULL,
    job_id bigint NOT NULL,
    PRIMARY KEY (wake_at, job_id)
);

-- Jobs that failed for good, so that finding them reads no other job.
CREATE TABLE dead_letters (
    job_id bigint PRIMARY KEY,
    failed_at timestamptz NOT NULL DEFAULT now()
);
