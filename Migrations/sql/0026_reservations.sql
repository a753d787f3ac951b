-- A reservation is the durable run of the same id; this row is what the rest of the world may read and race for.
-- Every change is a conditional update of this one row, so that of two that race exactly one wins.
CREATE TABLE reservations (
    id            bigint      NOT NULL,
    on_sale_id    bigint      NOT NULL,
    admission_id  bigint      NOT NULL,
    tier          text        NOT NULL COLLATE "C",
    quantity      integer     NOT NULL CHECK (quantity > 0),
    seats         integer[]   NOT NULL,
    total         bigint      NOT NULL CHECK (total >= 0),
    currency      text        NOT NULL,
    state         text        NOT NULL COLLATE "C"
        CHECK (state IN ('held', 'paying', 'sold', 'expired', 'released', 'refunded')),
    expires_at    timestamptz NOT NULL,   -- when the present state ends by itself
    hold_ends_at  timestamptz NOT NULL,   -- the hold's own deadline, kept while a payment has one of its own
    extended      integer     NOT NULL DEFAULT 0,
    attempt       integer     NOT NULL DEFAULT 0,
    problem       text,
    held_at       timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT reservations_seats CHECK (cardinality(seats) IN (0, quantity))
) WITH (fillfactor = 60);

-- What a buyer holds and has bought, for the limit (a place has one admission); and the reservations of an on-sale,
-- to cancel it.
CREATE INDEX reservations_by_admission ON reservations (on_sale_id, admission_id);

-- What was answered to a request with an Idempotency-Key. Committed with the effect it describes.
CREATE TABLE idempotency_keys (
    admission_id  bigint      NOT NULL,
    route         text        NOT NULL COLLATE "C",
    key           text        NOT NULL COLLATE "C",
    body_hash     text        NOT NULL,
    response      jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (admission_id, route, key)
);
