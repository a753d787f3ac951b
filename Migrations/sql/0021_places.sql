-- The one counter we allow: a draw needs arrival numbers without gaps, and sealing takes the same lock, so that no
-- join straddles it. Taken by the last statement of a batch of joins.
CREATE TABLE arrivals (
    on_sale_id  bigint NOT NULL PRIMARY KEY,
    issued      bigint NOT NULL DEFAULT 0 CHECK (issued >= 0),
    door        text   NOT NULL DEFAULT 'not_open' COLLATE "C" CHECK (door IN ('not_open', 'open', 'sold_out', 'closed'))
) WITH (fillfactor = 10);

-- A buyer's spot. The row is not touched between the join and the buyer's turn: the number is computed from the
-- draw's key, and written only when the place is admitted or left. A place is named by on-sale and arrival; id is
-- what the buyer knows it by, 128 random bits that the signed token carries beside the arrival.
CREATE TABLE places (
    on_sale_id   bigint      NOT NULL,
    arrival      bigint      NOT NULL CHECK (arrival > 0),
    id           bytea       NOT NULL CHECK (length(id) = 16),
    buyer        bytea       NOT NULL CHECK (length(buyer) = 16),  -- keyed hash of who it is, never who
    joined_at    timestamptz NOT NULL,
    number       bigint,
    admitted_at  timestamptz,
    left_at      timestamptz,
    PRIMARY KEY (on_sale_id, arrival),
    CONSTRAINT places_admitted_number CHECK (admitted_at IS NULL OR number IS NOT NULL)
) PARTITION BY HASH (on_sale_id);

CREATE TABLE places_0 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 0) WITH (fillfactor = 90);
CREATE TABLE places_1 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 1) WITH (fillfactor = 90);
CREATE TABLE places_2 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 2) WITH (fillfactor = 90);
CREATE TABLE places_3 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 3) WITH (fillfactor = 90);
CREATE TABLE places_4 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 4) WITH (fillfactor = 90);
CREATE TABLE places_5 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 5) WITH (fillfactor = 90);
CREATE TABLE places_6 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 6) WITH (fillfactor = 90);
CREATE TABLE places_7 PARTITION OF places FOR VALUES WITH (MODULUS 8, REMAINDER 7) WITH (fillfactor = 90);

-- One place per buyer; two gateways that insert the same one meet here, and the later batch is tried again.
CREATE UNIQUE INDEX places_one_per_buyer ON places (on_sale_id, buyer);
-- Two places never share a number. Also how a tick counts who of the open turns has come or left.
CREATE UNIQUE INDEX places_one_per_number ON places (on_sale_id, number) WHERE number IS NOT NULL;
