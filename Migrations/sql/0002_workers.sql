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

-- One row per claimed batch, so that a dead worker's jobs are found without an index on jobs. A row that outlives
-- its jobs does no harm: rescue takes only those that still run in that worker's name.
CREATE TABLE claims (
    worker_id bigint NOT NULL,
    batch bigint GENERATED ALWAYS AS IDENTITY,
    job_ids bigint[] NOT NULL,
    PRIMARY KEY (worker_id, batch)
);

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
