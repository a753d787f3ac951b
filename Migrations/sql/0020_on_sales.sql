-- One scheduled sale of one event. The rules and the plan change rarely; serving, seq, carry, no_show and ticked_at
-- change once a second at most, by the admission tick. No changing column is indexed, so updates stay on the page.
-- This row is also the gate: admissions, ticks, pauses and rule changes lock it, so each sees the others whole.
CREATE TABLE on_sales (
    on_sale_id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title              text        NOT NULL,
    venue              text        NOT NULL,
    city               text        NOT NULL,
    currency           text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    opens_at           timestamptz NOT NULL,
    starts_at          timestamptz NOT NULL,
    closes_at          timestamptz NOT NULL,
    rate_per_minute    integer     NOT NULL CHECK (rate_per_minute BETWEEN 0 AND 1000000),
    active_limit       integer     NOT NULL CHECK (active_limit > 0),
    turn_seconds       integer     NOT NULL CHECK (turn_seconds > 0),
    session_seconds    integer     NOT NULL CHECK (session_seconds > 0),
    plan               jsonb       NOT NULL,
    message            text,
    state              text        NOT NULL DEFAULT 'scheduled' COLLATE "C"
        CHECK (state IN ('scheduled', 'prequeue', 'admitting', 'sold_out', 'closed', 'cancelled')),
    paused_at          timestamptz,
    revision           integer     NOT NULL DEFAULT 0,  -- grows with each change the lifecycle must hear of
    seq                bigint      NOT NULL DEFAULT 1,  -- grows with everything that /status shows
    serving            bigint      NOT NULL DEFAULT 0,
    carry              double precision NOT NULL DEFAULT 0,  -- the part of a place that the rate still owes
    no_show            double precision NOT NULL DEFAULT 0 CHECK (no_show BETWEEN 0 AND 1),
    admission_note     text,                            -- why the last tick called as many as it did
    ticked_at          timestamptz,
    -- The draw. The secret is committed to at scheduling and published once the order is fixed.
    entry_salt         bytea       NOT NULL CHECK (length(entry_salt) = 32),
    draw_secret        bytea       NOT NULL CHECK (length(draw_secret) = 32),
    commitment         bytea       NOT NULL CHECK (length(commitment) = 32),
    entries            bigint,
    sealed_at          timestamptz,
    root               bytea       CHECK (length(root) = 32),
    draw_key           bytea       CHECK (length(draw_key) = 32),
    drawn_at           timestamptz,
    lifecycle_run      bigint,
    admission_run      bigint,
    created_at         timestamptz NOT NULL,
    CONSTRAINT on_sales_times CHECK (opens_at <= starts_at AND starts_at < closes_at),
    CONSTRAINT on_sales_sealed CHECK ((entries IS NULL) = (sealed_at IS NULL)),
    CONSTRAINT on_sales_drawn CHECK ((draw_key IS NULL) = (drawn_at IS NULL) AND (draw_key IS NULL) = (root IS NULL))
) WITH (fillfactor = 50);
