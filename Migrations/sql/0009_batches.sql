-- Batches: jobs that somebody wants to hear of when all have ended. No counter is hot: who adds jobs and who ends them
-- appends a tally, one per batch and statement, and the leading scheduler folds tallies into the batch's row.
CREATE TABLE job_batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    job_name text NOT NULL,                     -- the callback
    is_run boolean NOT NULL DEFAULT false,
    queue text NOT NULL,
    priority smallint NOT NULL DEFAULT 0,
    input jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sealed_at timestamptz,                      -- no more jobs from here on
    is_sealed boolean NOT NULL DEFAULT false,   -- the same, once every tally before it is folded
    added bigint NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0,
    fired_at timestamptz,
    callback_id bigint
) WITH (fillfactor = 70);

-- Folded in the order of their numbers, so that a batch is known to be sealed only after all its jobs are known.
CREATE TABLE batch_tallies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL,
    seals boolean NOT NULL DEFAULT false,
    added bigint NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0
);

ALTER TABLE jobs ADD COLUMN batch_id bigint;
