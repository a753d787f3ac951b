-- What each on-sale that goes on looked like every half minute, for the curves of its desk.
CREATE TABLE sale_samples (
    on_sale_id  bigint      NOT NULL,
    at          timestamptz NOT NULL,
    joined      bigint      NOT NULL,
    serving     bigint      NOT NULL,
    active      bigint      NOT NULL,
    entered     bigint      NOT NULL,
    missed      bigint      NOT NULL,
    held        bigint      NOT NULL,
    sold        bigint[]    NOT NULL,    -- by tier, in the tiers' order
    revenue     bigint      NOT NULL,
    PRIMARY KEY (on_sale_id, at)
);
CREATE INDEX sale_samples_by_age ON sale_samples (at);
