-- Pages for everybody, made when something of an on-sale has changed and served as they are; see docs/cdn.md.

-- One row for each on-sale whose pages were made. Whoever makes them locks it first, so that what was read earlier is never
-- written over what was read later.
CREATE TABLE page_renderings (
    on_sale_id   bigint      NOT NULL PRIMARY KEY,
    renderings   bigint      NOT NULL,     -- how often they were made
    version      bigint      NOT NULL,     -- what the consumer `pages` was told when it was: facts up to here are in them
    rendered_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE rendered_pages (
    on_sale_id    bigint      NOT NULL,
    page          text        NOT NULL COLLATE "C",    -- such as event.en, seats.json
    content_type  text        NOT NULL COLLATE "C",
    policy        text        NOT NULL COLLATE "C",    -- the Content-Security-Policy; empty for none
    etag          text        NOT NULL COLLATE "C",    -- from SHA-256 of the bytes, with its quotes
    keys          text[]      NOT NULL,                -- what caches find it by when it is to go
    renderer      integer     NOT NULL,                -- which version of the code made it
    version       bigint      NOT NULL,                -- of page_renderings, when the bytes last changed
    rendered_at   timestamptz NOT NULL,                -- likewise
    body          bytea       NOT NULL,
    PRIMARY KEY (on_sale_id, page)
);

-- How each cache in front took what was asked of it.
CREATE TABLE page_caches (
    cache      text        NOT NULL COLLATE "C" PRIMARY KEY,
    calls      bigint      NOT NULL DEFAULT 0,               -- that were taken
    purged     bigint      NOT NULL DEFAULT 0,               -- keys in them
    purged_at  timestamptz,
    failures   integer     NOT NULL DEFAULT 0,               -- in a row
    problem    text,                                         -- of the last failure
    retry_at   timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- What each cache is to forget, and has forgotten. A key is purged twice: an answer that was under way when the first purge
-- came may have been kept after it.
CREATE TABLE page_purges (
    cache         text        NOT NULL COLLATE "C",
    key           text        NOT NULL COLLATE "C",
    requests      bigint      NOT NULL DEFAULT 1,
    rounds        smallint    NOT NULL CHECK (rounds >= 0),  -- how often it is still to be purged
    due_at        timestamptz NOT NULL,
    requested_at  timestamptz NOT NULL,                      -- of the first request that no purge has followed yet
    purged_at     timestamptz,
    PRIMARY KEY (cache, key)
) WITH (fillfactor = 50);
CREATE INDEX page_purges_due ON page_purges (cache, due_at) WHERE rounds > 0;

-- Who talks to the outside also does this, in houses that are set up already.
UPDATE pools SET queues = array_append(queues, 'pages') WHERE 'notifications' = ANY (queues) AND NOT 'pages' = ANY (queues);
