-- What happened in each minute of an on-sale, counted from the event log by the consumer `analytics`, which can be told
-- everything anew.
CREATE TABLE sale_minutes (
    on_sale_id  bigint      NOT NULL,
    minute      timestamptz NOT NULL,
    joined      bigint      NOT NULL,    -- places
    gone        bigint      NOT NULL,    -- places that were given up
    called      bigint      NOT NULL,    -- places, each time
    admitted    bigint      NOT NULL,    -- places, each time
    missed      bigint      NOT NULL,    -- turns
    holds       bigint      NOT NULL,    -- reservations
    held        bigint      NOT NULL,    -- tickets
    expired     bigint      NOT NULL,    -- tickets
    released    bigint      NOT NULL,    -- tickets
    sold        bigint      NOT NULL,    -- tickets
    refunded    bigint      NOT NULL,    -- tickets
    revenue     bigint      NOT NULL,    -- of what was sold, less what was refunded, in minor units
    messages    bigint      NOT NULL,    -- that a provider took
    PRIMARY KEY (on_sale_id, minute)
);
