-- What else admission goes by: pressure from below, stops, a limited fail-open, second turns, and how fast the line moves.
ALTER TABLE on_sales
    ADD COLUMN pause_reason text,
    ADD COLUMN stopped boolean NOT NULL DEFAULT false,       -- paused, and nobody comes in or holds either
    ADD COLUMN open_until timestamptz,                       -- fail-open: until then only the stock bounds
    ADD COLUMN sold_out_at timestamptz,
    ADD COLUMN throttle double precision NOT NULL DEFAULT 1 CHECK (throttle > 0 AND throttle <= 1),
    ADD COLUMN throttle_reason text COLLATE "C",             -- what lowered the rate last; NULL when nothing does
    ADD COLUMN throttled_at timestamptz,                     -- when the throttle last moved
    ADD COLUMN strained_at timestamptz,                      -- when a signal was last near its bound
    ADD COLUMN pace double precision,                        -- numbers passed a minute, over about a minute
    ADD COLUMN slow_pace double precision,                   -- the same over about five minutes
    ADD COLUMN conversion double precision NOT NULL DEFAULT 0.8 CHECK (conversion BETWEEN 0 AND 1),
    ADD COLUMN mean_basket double precision NOT NULL DEFAULT 2,
    ADD COLUMN spoken double precision NOT NULL DEFAULT 0,   -- tickets that those inside or called will probably take
    ADD COLUMN reoffer_limit integer NOT NULL DEFAULT 1 CHECK (reoffer_limit >= 0),
    ADD COLUMN reoffer_seconds integer NOT NULL DEFAULT 600 CHECK (reoffer_seconds >= 0);

-- What each gateway measured lately. A row a gateway, written every few seconds.
CREATE TABLE gateway_reports (
    gateway       text        NOT NULL COLLATE "C",
    reported_at   timestamptz NOT NULL,
    holds         integer     NOT NULL,
    hold_p95_ms   integer     NOT NULL,
    answers       integer     NOT NULL,
    failures      integer     NOT NULL,
    pool_wait_ms  integer     NOT NULL,
    PRIMARY KEY (gateway)
) WITH (fillfactor = 50);

-- Turns after the first: for those who missed one and came back, and for those on the waitlist.
CREATE TABLE reoffers (
    on_sale_id  bigint      NOT NULL,
    arrival     bigint      NOT NULL,
    ordinal     integer     NOT NULL CHECK (ordinal > 0),
    kind        text        NOT NULL COLLATE "C" CHECK (kind IN ('missed', 'waitlist')),
    spot        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,  -- the order in which they asked
    number      bigint      NOT NULL,
    quantity    integer     NOT NULL CHECK (quantity > 0),
    asked_at    timestamptz NOT NULL,
    called_at   timestamptz,
    expires_at  timestamptz,
    settled_at  timestamptz,
    came        boolean,
    PRIMARY KEY (on_sale_id, arrival, ordinal),
    CONSTRAINT reoffers_called CHECK ((called_at IS NULL) = (expires_at IS NULL)),
    CONSTRAINT reoffers_settled CHECK ((settled_at IS NULL) = (came IS NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX reoffers_one_open ON reoffers (on_sale_id, arrival) WHERE settled_at IS NULL;
CREATE INDEX reoffers_open ON reoffers (on_sale_id, spot) WHERE settled_at IS NULL;

ALTER TABLE admissions DROP CONSTRAINT admissions_end_reason_check;
ALTER TABLE admissions ADD CONSTRAINT admissions_end_reason_check
    CHECK (end_reason IN ('expired', 'bought', 'left', 'sold_out', 'closed', 'cancelled'));
