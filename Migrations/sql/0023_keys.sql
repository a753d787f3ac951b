-- Keys that sign tokens and receipts. Several live at once: the newest signs, the others still verify.
CREATE TABLE signing_keys (
    key_id      integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret      bytea       NOT NULL CHECK (length(secret) = 32),
    created_at  timestamptz NOT NULL,
    retired_at  timestamptz
);

-- Who may call the promoter's and operator's API. The secret was shown once; its fingerprint is kept.
CREATE TABLE api_keys (
    key_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role         text        NOT NULL COLLATE "C" CHECK (role IN ('promoter', 'operator')),
    label        text        NOT NULL,
    fingerprint  bytea       NOT NULL CHECK (length(fingerprint) = 32),
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
