-- What somebody is to be told, written in the transaction that made it true and delivered by the Notify workflow.
CREATE TABLE notifications (
    id           bigint      GENERATED ALWAYS AS IDENTITY,
    kind         text        NOT NULL COLLATE "C",
    recipient    text        NOT NULL,
    payload      jsonb       NOT NULL,
    dedupe_key   text        NOT NULL COLLATE "C",
    not_after    timestamptz,
    state        text        NOT NULL DEFAULT 'pending' COLLATE "C"
        CHECK (state IN ('pending', 'sent', 'dropped', 'failed')),
    attempts     integer     NOT NULL DEFAULT 0,
    detail       text,
    created_at   timestamptz NOT NULL,
    settled_at   timestamptz,
    PRIMARY KEY (id),
    UNIQUE (dedupe_key)
) WITH (fillfactor = 70);
