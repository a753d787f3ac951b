-- Who works: one row per worker process, kept alive by its heartbeat.
CREATE TABLE workers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool text NOT NULL,
    queues text[] NOT NULL,
    host text NOT NULL,
    process_id integer NOT NULL,
    capacity integer NOT NULL,
    running integer NOT NULL DEFAULT 0,
    draining boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One row per claimed batch, so that a dead worker's jobs are found without an index on jobs.
--
-- For plain jobs it is also the fence: whoever writes their ends must find the row and take their numbers out of it,
-- and rescue takes the whole row. For runs, whose own rows carry an epoch, a row that outlives them does no harm.
CREATE TABLE claims (
    batch bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id bigint NOT NULL,
    queue text NOT NULL,
    is_run boolean NOT NULL,
    claimed_at timestamptz NOT NULL,
    job_ids bigint[] NOT NULL
);
-- Numbers in a row compress well; out of line they would cost a second table's writes.
ALTER TABLE claims ALTER COLUMN job_ids SET STORAGE MAIN;

-- Plain jobs that ended well, one row per batch and commit: when, where, which.
CREATE TABLE closures (
    closed_at timestamptz NOT NULL,
    batch bigint NOT NULL,
    worker_id bigint NOT NULL,
    queue text NOT NULL,
    claimed_at timestamptz NOT NULL,
    least_id bigint NOT NULL,
    greatest_id bigint NOT NULL,
    job_ids bigint[] NOT NULL,
    PRIMARY KEY (closed_at, batch)
);
ALTER TABLE closures ALTER COLUMN job_ids SET STORAGE MAIN;

-- Where a job stands in words, for those who look at it: `queued` is told apart by where its number is.
CREATE FUNCTION standing(id bigint, state job_state, queue text, rank bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN $2 <> 'queued' THEN $2::text
        WHEN EXISTS (
            SELECT FROM queues q, ready r
            WHERE q.name = $3 AND r.lane IN (lane_of(q.first_lane, q.lanes, 0::smallint, $1),
                lane_of(q.first_lane, q.lanes, 1::smallint, $1)) AND r.rank = $4 AND r.job_id = $1
        ) THEN 'ready'
        WHEN EXISTS (SELECT FROM claims c WHERE NOT c.is_run AND $1 = ANY (c.job_ids)) THEN 'running'
        ELSE 'done'
    END
$$;

-- When a plain job that left no more than its number in `closures` ended.
CREATE FUNCTION closed_at(id bigint, created_at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT c.closed_at FROM closures c
    WHERE c.closed_at >= $2 AND c.least_id <= $1 AND c.greatest_id >= $1 AND $1 = ANY (c.job_ids)
    ORDER BY c.closed_at LIMIT 1
$$;

-- Leadership is a row with an epoch, not a session lock: it survives poolers and half-dead connections.
CREATE TABLE leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Recurring jobs, fired by the leading scheduler.
CREATE TABLE schedules (
    name text PRIMARY KEY,
    job_name text NOT NULL,
    is_run boolean NOT NULL DEFAULT false,
    queue text NOT NULL,
    input jsonb NOT NULL,
    every interval NOT NULL CHECK (every >= interval '1 second'),
    next_at timestamptz NOT NULL,
    paused boolean NOT NULL DEFAULT false
);

-- How many worker processes each pool should have; `usher up` obeys.
CREATE TABLE pools (
    name text PRIMARY KEY,
    queues text[] NOT NULL,
    wanted integer NOT NULL CHECK (wanted BETWEEN 0 AND 64),
    updated_at timestamptz NOT NULL DEFAULT now()
);
