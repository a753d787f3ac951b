-- One row per batch that was called, with its reason: the log of the admission. The numbers of an on-sale's turns
-- are contiguous. A turn is open until a tick settles it, never by comparing clocks on read; a pause moves
-- expires_at.
CREATE TABLE turns (
    on_sale_id    bigint      NOT NULL,
    first_number  bigint      NOT NULL,
    last_number   bigint      NOT NULL,
    called        integer     NOT NULL,  -- of the numbers in the range, how many had not left
    called_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    reason        text        NOT NULL,
    inputs        jsonb       NOT NULL,  -- what the law was given
    settled_at    timestamptz,
    admitted      integer,
    missed        integer,
    PRIMARY KEY (on_sale_id, first_number),
    CONSTRAINT turns_range CHECK (first_number > 0 AND last_number >= first_number),
    CONSTRAINT turns_called CHECK (called BETWEEN 0 AND last_number - first_number + 1),
    CONSTRAINT turns_settled CHECK ((settled_at IS NULL) = (admitted IS NULL) AND (settled_at IS NULL) = (missed IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX turns_open ON turns (on_sale_id, first_number) WHERE settled_at IS NULL;

-- A place's one session of buying. It lives until a tick, its buyer or the on-sale's end ends it; while a
-- reservation of it is held or paying it does not expire.
CREATE TABLE admissions (
    admission_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    on_sale_id    bigint      NOT NULL,
    arrival       bigint      NOT NULL,
    number        bigint      NOT NULL,
    admitted_at   timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    end_reason    text        COLLATE "C" CHECK (end_reason IN ('expired', 'bought', 'left', 'sold_out', 'closed')),
    CONSTRAINT admissions_one_per_place UNIQUE (on_sale_id, arrival),
    CONSTRAINT admissions_ended CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX admissions_live ON admissions (on_sale_id, admission_id) WHERE ended_at IS NULL;
