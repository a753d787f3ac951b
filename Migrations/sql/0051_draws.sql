-- How an on-sale is drawn: what scheduling promised, and what came of it. One row per on-sale, apart from on_sales,
-- whose row is written once a second. Who has that row's lock may write here.
CREATE TABLE draws (
    on_sale_id           bigint      NOT NULL PRIMARY KEY,
    keeper               text        NOT NULL COLLATE "C" CHECK (keeper IN ('usher', 'promoter')),
    reveal_seconds       integer     NOT NULL CHECK (reveal_seconds > 0),
    beacon               text        NOT NULL COLLATE "C" CHECK (beacon IN ('none', 'drand', 'announced')),
    beacon_url           text,                 -- drand: where rounds are read
    beacon_genesis       timestamptz,          -- drand: when round 1 was
    beacon_period        integer     CHECK (beacon_period > 0),  -- drand: seconds from round to round
    beacon_words         text,                 -- announced: what will be filed
    beacon_wait_seconds  integer     NOT NULL CHECK (beacon_wait_seconds > 0),
    beacon_round         bigint,
    beacon_at            timestamptz,          -- when its value comes into being; promised, and moved only if sealing was late
    rooted_at            timestamptz,          -- when the root was published
    reveal_by            timestamptz,          -- until when a promoter can hand the secret in
    revealed_at          timestamptz,
    beacon_by            timestamptz,          -- until when the draw waits for the beacon
    beacon_value         bytea,
    beacon_proof         text,
    beacon_taken_at      timestamptz,
    flags                text[]      NOT NULL DEFAULT '{}',  -- what the certificate says of this draw
    CONSTRAINT draws_drand CHECK (beacon <> 'drand' OR
        beacon_url IS NOT NULL AND beacon_genesis IS NOT NULL AND beacon_period IS NOT NULL AND beacon_round IS NOT NULL),
    CONSTRAINT draws_announced CHECK (beacon <> 'announced' OR beacon_words IS NOT NULL),
    CONSTRAINT draws_beacon_at CHECK ((beacon = 'none') = (beacon_at IS NULL)),
    CONSTRAINT draws_taken CHECK ((beacon_value IS NULL) = (beacon_taken_at IS NULL)),
    -- The whole point: a value that is used came into being after the entries were fixed.
    CONSTRAINT draws_order CHECK (beacon_value IS NULL OR rooted_at < beacon_at AND beacon_at <= beacon_taken_at)
);

INSERT INTO draws (on_sale_id, keeper, reveal_seconds, beacon, beacon_wait_seconds, rooted_at, flags)
SELECT on_sale_id, 'usher', 120, 'none', 600, drawn_at,
    CASE WHEN drawn_at IS NULL THEN '{}' ELSE '{no_beacon}'::text[] END
FROM on_sales;

-- A promoter who keeps the secret hands it in after the seal, or never. The root is published before the key exists.
ALTER TABLE on_sales ALTER COLUMN draw_secret DROP NOT NULL,
    DROP CONSTRAINT on_sales_drawn,
    ADD CONSTRAINT on_sales_drawn CHECK (
        (draw_key IS NULL) = (drawn_at IS NULL) AND (draw_key IS NULL OR root IS NOT NULL)),
    ADD CONSTRAINT on_sales_rooted CHECK (root IS NULL OR entries IS NOT NULL);
