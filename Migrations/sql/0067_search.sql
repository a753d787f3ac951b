-- What can be found of the on-sales, written by the consumer `search` from the event log alone; told everything anew, it
-- comes to the same.
--
-- Trigrams come with Postgres's own module pg_trgm. It is in one schema of a database, whoever uses it: where it is
-- already, else in `public`. Many may migrate at once, each its schema.
DO $$
DECLARE
    home text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('usher.pg_trgm', 0));
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
            RAISE EXCEPTION 'the module pg_trgm is not on the server: install Postgres''s contrib modules (postgresql-contrib)'
                USING ERRCODE = 'feature_not_supported';
        END IF;
        SELECT n.nspname INTO home FROM pg_namespace n WHERE n.nspname = 'public';
        IF home IS NULL THEN
            -- Not in the schema that is migrated: with that it would be dropped, and the indexes of others with it.
            CREATE SCHEMA IF NOT EXISTS usher_modules;
            home := 'usher_modules';
        END IF;
        EXECUTE format('CREATE EXTENSION pg_trgm SCHEMA %I', home);
    END IF;
END
$$;

-- One on-sale. What changes with it while it is on sale, its state and how much is left, is in no index: such a change
-- writes the row and nothing else.
CREATE TABLE search_entries (
    on_sale_id    bigint      NOT NULL PRIMARY KEY,
    title         text        NOT NULL,
    venue         text        NOT NULL,
    city          text        NOT NULL,
    genre         text,
    currency      text        NOT NULL,
    event_at      timestamptz,
    opens_at      timestamptz NOT NULL,
    starts_at     timestamptz NOT NULL,
    closes_at     timestamptz NOT NULL,
    -- When it takes place; as long as nobody has said, when it begins to sell.
    at            timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(event_at, starts_at)) STORED,
    price_from    bigint      NOT NULL,    -- the least and the most that a ticket costs, in minor units
    price_to      bigint      NOT NULL,
    state         text        NOT NULL COLLATE "C",
    is_over       boolean     NOT NULL,
    availability  text        NOT NULL COLLATE "C",    -- many, few, none
    seq           bigint      NOT NULL,    -- the number of the last fact that changed anything here
    -- As they are compared: small letters and digits without accents, a blank between words.
    city_words    text        NOT NULL COLLATE "C",
    genre_words   text        NOT NULL COLLATE "C",
    words         tsvector    NOT NULL    -- of the title with weight A, of the rest with B
) WITH (fillfactor = 80);

-- What is over is no longer found.
CREATE INDEX search_entries_at ON search_entries (at, on_sale_id) WHERE NOT is_over;
CREATE INDEX search_entries_city ON search_entries (city_words, at, on_sale_id) WHERE NOT is_over;
CREATE INDEX search_entries_genre ON search_entries (genre_words, at, on_sale_id) WHERE NOT is_over;
-- What waits to be sorted into it is read by every search: that has to be little.
CREATE INDEX search_entries_words ON search_entries USING gin (words)
    WITH (gin_pending_list_limit = 256) WHERE NOT is_over;

-- How many tickets of each are taken, which changes with each hold; its row is never more than a few numbers.
CREATE TABLE search_counts (
    on_sale_id  bigint  NOT NULL PRIMARY KEY,
    capacity    bigint  NOT NULL,
    taken       bigint  NOT NULL,    -- held, being paid for or sold
    state       text    NOT NULL COLLATE "C",
    paused      boolean NOT NULL,
    filed       bigint  NOT NULL,    -- the number of the fact that it was filed by
    seq         bigint  NOT NULL     -- of the last fact that was counted
) WITH (fillfactor = 50);

-- Every word that was ever in one, for those who mistype it.
CREATE TABLE search_words (
    word  text NOT NULL COLLATE "C" PRIMARY KEY
);

-- Words that are like one, the most alike first, and none that is much less so than that: what pg_trgm's operator is called depends on where it is.
DO $$
DECLARE
    home text;
BEGIN
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
    EXECUTE format(
        'CREATE INDEX search_words_near ON search_words USING gin (word %I.gin_trgm_ops)
            WITH (gin_pending_list_limit = 64)', home);
    EXECUTE format(
        $f$CREATE FUNCTION search_words_like(asked text, most bigint) RETURNS SETOF text LANGUAGE sql STABLE AS
            'SELECT n.word FROM (
                SELECT w.word, %1$I.similarity(asked, w.word) AS likeness,
                    max(%1$I.similarity(asked, w.word)) OVER () AS best
                FROM search_words w WHERE asked OPERATOR(%1$I.%%) w.word) AS n
            WHERE n.likeness >= 0.8 * n.best ORDER BY n.likeness DESC, n.word LIMIT most'$f$, home);
END
$$;
