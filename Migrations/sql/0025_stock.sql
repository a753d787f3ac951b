-- What there is to sell, and to whom how much. Rows that change often leave room on their page (fillfactor), and
-- none of their changing columns is indexed, so that an update stays on its page and vacuum has little to do.

-- One row per on-sale: how holds, payments and limits work there. Read by every hold, written by nobody after
-- the on-sale is scheduled.
CREATE TABLE reservation_rules (
    on_sale_id         bigint  NOT NULL,
    max_per_buyer      integer NOT NULL CHECK (max_per_buyer > 0),
    hold_seconds       integer NOT NULL CHECK (hold_seconds > 0),
    extension_seconds  integer NOT NULL CHECK (extension_seconds >= 0),
    extension_limit    integer NOT NULL CHECK (extension_limit >= 0),
    payment_seconds    integer NOT NULL CHECK (payment_seconds > 0),
    grace_seconds      integer NOT NULL CHECK (grace_seconds >= 0),
    payment_limit      integer NOT NULL CHECK (payment_limit > 0),
    PRIMARY KEY (on_sale_id)
);

-- The books of one price level. The sum is the promise: a ticket is in exactly one of the five columns.
CREATE TABLE tiers (
    on_sale_id  bigint  NOT NULL,
    id          text    NOT NULL COLLATE "C",
    ordinal     integer NOT NULL,
    name        text    NOT NULL,
    price       bigint  NOT NULL CHECK (price >= 0),
    currency    text    NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    numbered    boolean NOT NULL,
    capacity    integer NOT NULL CHECK (capacity >= 0),
    free        integer NOT NULL CHECK (free >= 0),
    withheld    integer NOT NULL CHECK (withheld >= 0),
    held        integer NOT NULL CHECK (held >= 0),
    paying      integer NOT NULL CHECK (paying >= 0),
    sold        integer NOT NULL CHECK (sold >= 0),
    PRIMARY KEY (on_sale_id, id),
    CONSTRAINT tiers_balance CHECK (free + withheld + held + paying + sold = capacity)
) WITH (fillfactor = 50);

-- A block of numbered seats. The ordinal is the order of preference when the buyer leaves the choice to us.
CREATE TABLE sections (
    on_sale_id  bigint  NOT NULL,
    ordinal     integer NOT NULL,
    id          text    NOT NULL COLLATE "C",
    name        text    NOT NULL,
    tier        text    NOT NULL COLLATE "C",
    PRIMARY KEY (on_sale_id, ordinal),
    UNIQUE (on_sale_id, id)
);

-- One numbered seat. The position is the number on it; neighbours follow each other, and an aisle is a jump.
CREATE TABLE seats (
    on_sale_id      bigint   NOT NULL,
    seat            integer  NOT NULL,
    section         integer  NOT NULL,
    row_number      integer  NOT NULL,
    position        integer  NOT NULL,
    tier            text     NOT NULL COLLATE "C",
    label           text     NOT NULL COLLATE "C",
    row_label       text     NOT NULL,
    accessible      boolean  NOT NULL,
    state           text     NOT NULL COLLATE "C"
        CHECK (state IN ('free', 'withheld', 'held', 'paying', 'sold')),
    reservation_id  bigint,
    PRIMARY KEY (on_sale_id, seat),
    CONSTRAINT seats_owner CHECK ((reservation_id IS NOT NULL) = (state IN ('held', 'paying', 'sold')))
) PARTITION BY HASH (on_sale_id);

CREATE TABLE seats_0 PARTITION OF seats FOR VALUES WITH (MODULUS 4, REMAINDER 0) WITH (fillfactor = 60);
CREATE TABLE seats_1 PARTITION OF seats FOR VALUES WITH (MODULUS 4, REMAINDER 1) WITH (fillfactor = 60);
CREATE TABLE seats_2 PARTITION OF seats FOR VALUES WITH (MODULUS 4, REMAINDER 2) WITH (fillfactor = 60);
CREATE TABLE seats_3 PARTITION OF seats FOR VALUES WITH (MODULUS 4, REMAINDER 3) WITH (fillfactor = 60);

CREATE UNIQUE INDEX seats_by_label ON seats (on_sale_id, label);
CREATE INDEX seats_by_tier ON seats (on_sale_id, tier, section);
