-- One attempt to pay for a reservation. The row exists before the provider is asked, as 'unknown': whatever happens
-- to the question, we know that it may have been put.
CREATE TABLE payments (
    reservation_id      bigint      NOT NULL,
    attempt             integer     NOT NULL,
    on_sale_id          bigint      NOT NULL,
    reference           text        NOT NULL COLLATE "C",
    provider_reference  text        COLLATE "C",
    method              text        NOT NULL,
    amount              bigint      NOT NULL CHECK (amount >= 0),
    currency            text        NOT NULL,
    state               text        NOT NULL COLLATE "C"
        CHECK (state IN ('unknown', 'authorised', 'captured', 'voided', 'declined', 'refunded', 'needs_person')),
    next_action         text,
    detail              text,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (reservation_id, attempt)
) WITH (fillfactor = 70);

-- Few rows, looked at by people and by the alarm.
CREATE INDEX payments_for_people ON payments (updated_at) WHERE state = 'needs_person';
