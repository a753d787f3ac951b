-- What the last look at each promise found, for operators' boards. All gateways share it: whoever begins a look says so
-- here first, so that nobody else does the same.
CREATE TABLE audit_lights (
    name       text        NOT NULL PRIMARY KEY,
    began_at   timestamptz NOT NULL,
    looked_at  timestamptz,             -- when the last look ended; null: none has
    took_ms    bigint,
    offenders  text[],                  -- of that look; null: it came to no end
    problem    text                     -- why it came to none
);
