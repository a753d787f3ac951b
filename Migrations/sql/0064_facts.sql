-- The event log: what became true of each on-sale, written in the transaction that made it true. A fact's number is taken
-- after the locks under which its change was made, so of two changes of one thing the later one has the greater number;
-- but transactions commit in any order. So a reader goes no further than the horizon, see facts_horizon(): behind it
-- nothing can appear any more.
CREATE SEQUENCE fact_ids;

CREATE FUNCTION fact_range_size() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1000000::bigint';

CREATE TABLE facts (
    -- The transaction has an id before it has a number: the horizon counts on that.
    seq          bigint      NOT NULL DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('fact_ids') END,
    on_sale_id   bigint      NOT NULL,
    recorded_at  timestamptz NOT NULL,
    version      smallint    NOT NULL DEFAULT 1,
    kind         text        NOT NULL COLLATE "C",
    data         jsonb       NOT NULL,
    PRIMARY KEY (seq)
) PARTITION BY RANGE (seq);

CREATE TABLE fact_ranges (
    ordinal     bigint      NOT NULL PRIMARY KEY,
    created_at  timestamptz NOT NULL
);

CREATE FUNCTION extend_fact_ranges() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    current_range bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usher.extend_fact_ranges'), hashtext(current_schema()));
    SELECT last_value / fact_range_size() INTO current_range FROM fact_ids;
    FOR wanted IN current_range .. current_range + 1 LOOP
        CONTINUE WHEN EXISTS (SELECT FROM fact_ranges r WHERE r.ordinal = wanted);
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF facts FOR VALUES FROM (%s) TO (%s)',
            'facts_' || wanted, wanted * fact_range_size(), (wanted + 1) * fact_range_size());
        INSERT INTO fact_ranges (ordinal, created_at) VALUES (wanted, usher_now());
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
SELECT extend_fact_ranges();

-- How far numbers were given out, and which transactions may still write some of them. A number up to `given` is taken by
-- a transaction before `coming`; when `oldest` has come as far as that, whoever took one has ended. Volatile, so that
-- each statement sees the server as it is then: the transactions must be looked at after the number.
-- A snapshot's xmax is the end of what has *completed*: transactions behind it may run. The next id to be given out is
-- what age() counts from, in 32 bits.
CREATE FUNCTION facts_horizon(OUT given bigint, OUT coming bigint, OUT oldest bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    completed bigint;
BEGIN
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END INTO given FROM fact_ids s;
    SELECT age('3'::xid)::bigint + 3 INTO coming FROM generate_series(1, 1);
    SELECT pg_snapshot_xmax(n.now)::text::bigint, pg_snapshot_xmin(n.now)::text::bigint INTO completed, oldest
    FROM (SELECT pg_current_snapshot() AS now) AS n;
    -- The id nearest to what has completed that has these 32 bits.
    coming := completed + ((coming - completed + 2147483648) & 4294967295) - 2147483648;
END
$$;

-- A consumer is whoever is told of every fact, in as many parts as can work side by side; all facts of an on-sale go to
-- one part, in their order.
CREATE TABLE fact_consumers (
    name        text        NOT NULL COLLATE "C" PRIMARY KEY,
    parts       integer     NOT NULL CHECK (parts BETWEEN 1 AND 256),
    created_at  timestamptz NOT NULL
);

CREATE TABLE fact_cursors (
    consumer      text        NOT NULL COLLATE "C" REFERENCES fact_consumers (name) ON DELETE CASCADE,
    part          integer     NOT NULL,
    position      bigint      NOT NULL,              -- all its facts up to here are done
    epoch         bigint      NOT NULL DEFAULT 0,    -- grows with each holder and each replay
    holder        text        COLLATE "C",
    leased_until  timestamptz NOT NULL DEFAULT '-infinity',
    moved_at      timestamptz,                       -- when the position was written last
    failures      integer     NOT NULL DEFAULT 0,    -- in a row
    problem       text,                              -- of the last failure
    PRIMARY KEY (consumer, part)
) WITH (fillfactor = 50);

-- Who works for a consumer, so that each takes its share of the parts.
CREATE TABLE fact_members (
    consumer  text        NOT NULL COLLATE "C" REFERENCES fact_consumers (name) ON DELETE CASCADE,
    member    text        NOT NULL COLLATE "C",
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (consumer, member)
) WITH (fillfactor = 50);

-- The part of a consumer that an on-sale's facts go to: the same for every program and for SQL.
CREATE FUNCTION fact_part(on_sale_id bigint, parts bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT ((hashint8extended(on_sale_id, 0) & 9223372036854775807) % parts)';

-- The greatest number before which nothing was recorded at or after an instant, but for what was under way for up to a
-- minute: looks at some twenty facts by their number, because those lie in the order of time as good as.
CREATE FUNCTION fact_before(instant timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint;     -- what is before it is too old
    high bigint;    -- what is at it or behind is not
    middle bigint;
    at timestamptz;
BEGIN
    SELECT min(r.ordinal) * fact_range_size() INTO low FROM fact_ranges r;
    SELECT s.last_value + 1 INTO high FROM fact_ids s;
    WHILE low < high LOOP
        middle := low + (high - low) / 2;
        SELECT f.recorded_at INTO at FROM facts f WHERE f.seq >= middle AND f.seq < high ORDER BY f.seq LIMIT 1;
        IF at IS NULL OR at >= instant - interval '1 minute' THEN
            high := middle;
        ELSE
            low := middle + 1;
        END IF;
    END LOOP;
    RETURN high - 1;
END
$$;

-- Drops the oldest part of the log when it is full and all in it is older than `keep`; as long as a consumer needs it,
-- only when all in it is older than `most`. Returns what was dropped, null for nothing.
CREATE FUNCTION drop_fact_range(keep interval, most interval) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    oldest bigint;
    youngest timestamptz;
    needed boolean;
BEGIN
    SELECT min(r.ordinal) INTO oldest FROM fact_ranges r;
    IF oldest IS NULL OR oldest >= (SELECT s.last_value / fact_range_size() FROM fact_ids s) THEN
        RETURN NULL;
    END IF;
    SELECT f.recorded_at INTO youngest FROM facts f
    WHERE f.seq >= oldest * fact_range_size() AND f.seq < (oldest + 1) * fact_range_size()
    ORDER BY f.seq DESC LIMIT 1;
    SELECT EXISTS (SELECT FROM fact_cursors c WHERE c.position < (oldest + 1) * fact_range_size() - 1) INTO needed;
    IF youngest > usher_now() - (CASE WHEN needed THEN most ELSE keep END) THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    EXECUTE format('DROP TABLE %I', 'facts_' || oldest);
    DELETE FROM fact_ranges r WHERE r.ordinal = oldest;
    RETURN oldest;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN NULL;
END
$$;
