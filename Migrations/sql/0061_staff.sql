-- What a key is limited to, and the secret that it had before.
ALTER TABLE api_keys
    ADD COLUMN read_only       boolean     NOT NULL DEFAULT false,
    ADD COLUMN on_sales        bigint[],                             -- the only ones it is for; null is all
    ADD COLUMN previous        bytea CHECK (length(previous) = 32),  -- the fingerprint before the last rotation
    ADD COLUMN previous_until  timestamptz;

-- Somebody who has signed in with a key. A session lives no longer than the secret that it was opened with.
CREATE TABLE staff_sessions (
    fingerprint  bytea       NOT NULL PRIMARY KEY CHECK (length(fingerprint) = 32),
    key_id       bigint      NOT NULL REFERENCES api_keys,
    opened_with  bytea       NOT NULL,    -- the fingerprint of the key's secret
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,    -- to the minute
    expires_at   timestamptz NOT NULL
);
CREATE INDEX staff_sessions_by_age ON staff_sessions (expires_at);

-- Keys that were wrong, by who presented them ("client …") and by which key they pretended to be ("key …"). A row is
-- counted up by whoever fails, in a commit of its own, so that all gateways count together.
CREATE TABLE wrong_keys (
    subject       text        NOT NULL COLLATE "C" PRIMARY KEY,
    failures      integer     NOT NULL,
    began_at      timestamptz NOT NULL,
    locked_until  timestamptz
);
CREATE INDEX wrong_keys_by_age ON wrong_keys (began_at);
