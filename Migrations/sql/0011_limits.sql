-- Limits: how many jobs of a queue, or of a key within a queue, may run at a time and may start in a second.
--
-- A job with a key waits in `blocked`, where nobody claims, until its key has room; then it is moved to its lane and has
-- a row in `admitted`, its slot, until it ends or is to wait again. What is free is counted, never kept: a slot that
-- is given back twice is gone once. Only who moves jobs locks a key's row; who enqueues or ends a job adds a signal.

ALTER TABLE queues
    ADD COLUMN is_keyed boolean NOT NULL DEFAULT false,   -- has had jobs or limits with keys: its workers dispatch
    ADD COLUMN is_limited boolean NOT NULL DEFAULT false; -- has a limit for all its jobs: its claims ask for leave

-- Null for plain jobs and for runs, which costs them nothing.
ALTER TABLE jobs ADD COLUMN limit_key text;

-- What holds for a whole queue, and for those of its keys that have no limits of their own.
CREATE TABLE queue_limits (
    queue text PRIMARY KEY,
    max_running integer CHECK (max_running >= 0),
    rate double precision CHECK (rate > 0 AND rate <= 100000),  -- starts per second
    burst integer CHECK (burst > 0),
    empty_at timestamptz NOT NULL DEFAULT 'epoch',
    key_max_running integer CHECK (key_max_running >= 0),
    key_rate double precision CHECK (key_rate > 0 AND key_rate <= 100000),
    key_burst integer CHECK (key_burst > 0),
    fair_window integer CHECK (fair_window > 0),
    CHECK ((rate IS NULL) = (burst IS NULL)),
    CHECK ((key_rate IS NULL) = (key_burst IS NULL))
) WITH (fillfactor = 50);

-- One row per key, made by the first who dispatches it: the lock under which its jobs are moved.
CREATE TABLE limit_keys (
    queue text NOT NULL,
    key text NOT NULL,
    is_own boolean NOT NULL DEFAULT false,  -- the three limits below count, instead of the queue's for its keys
    max_running integer CHECK (max_running >= 0),
    rate double precision CHECK (rate > 0 AND rate <= 100000),
    burst integer CHECK (burst > 0),
    empty_at timestamptz NOT NULL DEFAULT 'epoch',
    signal_at timestamptz,                  -- when its last signal for new tokens is due
    PRIMARY KEY (queue, key),
    CHECK ((rate IS NULL) = (burst IS NULL))
) WITH (fillfactor = 50);

-- Jobs that wait for their key, the first of a key at the head.
CREATE TABLE blocked (
    queue text NOT NULL,
    key text NOT NULL,
    rank bigint NOT NULL,
    job_id bigint NOT NULL,
    priority smallint NOT NULL,
    PRIMARY KEY (queue, key, rank, job_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- One slot per job of a key that is ready or running.
CREATE TABLE admitted (
    queue text NOT NULL,
    key text NOT NULL,
    job_id bigint NOT NULL,
    rank bigint NOT NULL,                   -- its place in its lane
    PRIMARY KEY (queue, key, job_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- Keys that may have room, or jobs: somebody should look, at once or at a time.
CREATE TABLE key_signals (
    queue text NOT NULL,
    at timestamptz NOT NULL DEFAULT 'epoch',
    id bigint GENERATED ALWAYS AS IDENTITY,
    key text NOT NULL,
    PRIMARY KEY (queue, at, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- A bucket of tokens is one instant: when it was, or would have been, empty. A microsecond is forgiven, because
-- instants have no smaller part.
CREATE FUNCTION bucket_tokens(rate double precision, burst integer, empty_at timestamptz, moment timestamptz)
RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN rate IS NULL THEN 2147483647
        ELSE floor(least(burst, greatest(extract(epoch FROM moment - empty_at)::float8 + 0.000001, 0) * rate))::integer
    END
$$;

CREATE FUNCTION bucket_spent(
    rate double precision, burst integer, empty_at timestamptz, moment timestamptz, spent bigint
) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(empty_at, moment - make_interval(secs => burst / rate)) + make_interval(secs => spent / rate)
$$;

-- How many jobs of a key may be moved to a lane, and the bucket its tokens come from.
CREATE FUNCTION key_room(
    queue_name text, wanted_key text, moment timestamptz, OUT slots integer, OUT tokens integer,
    OUT rate double precision, OUT burst integer, OUT empty_at timestamptz, OUT signal_at timestamptz
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    most integer;
BEGIN
    SELECT least(CASE WHEN l.is_own THEN l.max_running ELSE q.key_max_running END, q.fair_window),
        CASE WHEN l.is_own THEN l.rate ELSE q.key_rate END, CASE WHEN l.is_own THEN l.burst ELSE q.key_burst END,
        coalesce(l.empty_at, 'epoch'), l.signal_at
    INTO most, rate, burst, empty_at, signal_at
    FROM (SELECT) AS one
        LEFT JOIN queue_limits q ON q.queue = queue_name
        LEFT JOIN limit_keys l ON l.queue = queue_name AND l.key = wanted_key;
    slots := 2147483647;
    IF most IS NOT NULL THEN
        SELECT most - count(*) INTO slots
        FROM (SELECT FROM admitted a WHERE a.queue = queue_name AND a.key = wanted_key LIMIT most) AS held;
    END IF;
    tokens := bucket_tokens(rate, burst, empty_at, moment);
END
$$;

-- From the first key on, a queue's jobs of equal priority are ordered by when they came to their lane: by number, a key
-- with many old jobs would stay ahead of all others. Where no ageing was set, a step of priority is worth 557 years.
CREATE FUNCTION mark_keyed(queue_names text[]) RETURNS void LANGUAGE sql AS $$
    UPDATE queues SET is_keyed = true, ageing_ms = coalesce(ageing_ms, 17592186044416)
    WHERE name = ANY (queue_names) AND NOT is_keyed
$$;

-- Takes signals of a queue and moves what their keys have room for, at most `most` jobs of each.
--
-- The keys' rows are locked in their order; everything after sees what was committed until then. Losing its commit in a
-- crash undoes it and nothing else, because who claims one of the jobs waits for its own; so nobody waits for this one's.
CREATE FUNCTION dispatch_blocked(queue_name text, most integer, OUT signals bigint, OUT moved bigint)
LANGUAGE plpgsql AS $$
DECLARE
    moment CONSTANT timestamptz := usher_now();
    wanted text[];
BEGIN
    moved := 0;
    WITH taken AS MATERIALIZED (
        SELECT s.ctid AS place FROM key_signals s WHERE s.queue = queue_name AND s.at <= moment
        ORDER BY s.at, s.id LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM key_signals s WHERE s.ctid = ANY (ARRAY(SELECT place FROM taken)) RETURNING s.key
    )
    SELECT count(*), array_agg(DISTINCT g.key) INTO signals, wanted FROM gone g;
    IF signals = 0 THEN
        RETURN;
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);

    -- Makes the rows that are missing and locks the others, each in its turn.
    INSERT INTO limit_keys (queue, key) SELECT queue_name, w.key FROM unnest(wanted) AS w (key) ORDER BY w.key
    ON CONFLICT (queue, key) DO UPDATE SET key = limit_keys.key WHERE false;

    WITH room AS MATERIALIZED (
        SELECT w.key, r.*, greatest(least(r.slots, r.tokens, most), 0) AS admits
        FROM unnest(wanted) AS w (key), LATERAL key_room(queue_name, w.key, moment) AS r
    ), picked AS MATERIALIZED (
        SELECT b.place
        FROM room r CROSS JOIN LATERAL (
            SELECT f.ctid AS place FROM blocked f WHERE f.queue = queue_name AND f.key = r.key
            ORDER BY f.queue, f.key, f.rank, f.job_id LIMIT r.admits FOR UPDATE SKIP LOCKED
        ) AS b
    ), gone AS (
        DELETE FROM blocked b WHERE b.ctid = ANY (ARRAY(SELECT place FROM picked))
        RETURNING b.key, b.job_id, b.priority
    ), placed AS MATERIALIZED (
        SELECT g.key, g.job_id, rank_of(g.priority, q.ageing_ms, moment) AS rank,
            lane_of(q.first_lane, q.lanes, q.side, g.job_id) AS lane
        FROM gone g, queues q WHERE q.name = queue_name
    ), held AS (
        INSERT INTO admitted (queue, key, job_id, rank) SELECT queue_name, p.key, p.job_id, p.rank FROM placed p
    ), lined AS (
        INSERT INTO ready (rank, job_id, lane, is_run) SELECT p.rank, p.job_id, p.lane, false FROM placed p
    ), counted AS MATERIALIZED (
        SELECT r.key, r.slots, r.tokens, r.rate, r.burst, r.signal_at, count(p.job_id) AS moved,
            bucket_spent(r.rate, r.burst, r.empty_at, moment, count(p.job_id)) AS empty_at
        FROM room r LEFT JOIN placed p ON p.key = r.key
        GROUP BY r.key, r.slots, r.tokens, r.rate, r.burst, r.signal_at, r.empty_at
    ), dry AS MATERIALIZED (
        -- No token was left: somebody should look again when there is one.
        SELECT c.key, greatest(c.empty_at + make_interval(secs => 1 / c.rate), moment + interval '10 ms') AS at
        FROM counted c
        WHERE c.moved = c.tokens AND c.slots > c.moved AND (c.signal_at IS NULL OR c.signal_at <= moment)
    ), spent AS (
        UPDATE limit_keys l SET empty_at = c.empty_at, signal_at = coalesce(d.at, l.signal_at)
        FROM counted c LEFT JOIN dry d ON d.key = c.key
        WHERE l.queue = queue_name AND l.key = c.key AND c.rate IS NOT NULL AND (c.moved > 0 OR d.at IS NOT NULL)
    ), told AS (
        INSERT INTO key_signals (queue, at, key)
        SELECT queue_name, d.at, d.key FROM dry d
        UNION ALL
        SELECT queue_name, 'epoch', c.key FROM counted c
        WHERE c.moved = most AND c.slots > c.moved AND c.tokens > c.moved
    )
    SELECT count(*) INTO moved FROM placed;
END
$$;

-- Walks keys that have blocked jobs, from one on, and signals those that have room and no signal: what was lost.
-- Says where it stopped; null when it came to the end.
CREATE FUNCTION sweep_blocked(
    from_queue text, from_key text, most integer, OUT last_queue text, OUT last_key text, OUT signalled text[]
) LANGUAGE plpgsql AS $$
DECLARE
    moment CONSTANT timestamptz := usher_now();
    seen bigint;
BEGIN
    WITH RECURSIVE keys AS (
        (SELECT b.queue, b.key, 1 AS ord FROM blocked b WHERE (b.queue, b.key) > (from_queue, from_key)
        ORDER BY b.queue, b.key LIMIT 1)
        UNION ALL
        SELECT n.queue, n.key, k.ord + 1
        FROM keys k CROSS JOIN LATERAL (
            SELECT b.queue, b.key FROM blocked b WHERE (b.queue, b.key) > (k.queue, k.key)
            ORDER BY b.queue, b.key LIMIT 1
        ) AS n
        WHERE k.ord < most
    ), walked AS MATERIALIZED (
        SELECT k.queue, k.key, k.ord FROM keys k
    ), told AS (
        INSERT INTO key_signals (queue, key)
        SELECT w.queue, w.key FROM walked w CROSS JOIN LATERAL key_room(w.queue, w.key, moment) AS r
        WHERE r.slots > 0 AND r.tokens > 0
            AND NOT EXISTS (SELECT FROM key_signals s WHERE s.queue = w.queue AND s.key = w.key AND s.at <= moment)
        RETURNING queue
    )
    SELECT count(*), (array_agg(w.queue ORDER BY w.ord DESC))[1], (array_agg(w.key ORDER BY w.ord DESC))[1],
        ARRAY(SELECT DISTINCT t.queue FROM told t)
    INTO seen, last_queue, last_key, signalled
    FROM walked w;
    IF seen < most THEN
        last_queue := NULL;
        last_key := NULL;
    END IF;
END
$$;

-- Drops rows of keys that have no limits of their own, no jobs, and a full bucket: the next dispatch makes them anew.
CREATE FUNCTION forget_keys(most integer) RETURNS bigint LANGUAGE sql AS $$
    WITH idle AS MATERIALIZED (
        SELECT l.queue, l.key FROM limit_keys l LEFT JOIN queue_limits q ON q.queue = l.queue
        WHERE NOT l.is_own
            AND (l.signal_at IS NULL OR l.signal_at < (SELECT usher_now()))
            AND (q.key_rate IS NULL
                OR bucket_tokens(q.key_rate, q.key_burst, l.empty_at, (SELECT usher_now())) = q.key_burst)
            AND NOT EXISTS (SELECT FROM blocked b WHERE b.queue = l.queue AND b.key = l.key)
            AND NOT EXISTS (SELECT FROM admitted a WHERE a.queue = l.queue AND a.key = l.key)
        LIMIT most FOR UPDATE OF l SKIP LOCKED
    ), gone AS (
        DELETE FROM limit_keys l USING idle i WHERE l.queue = i.queue AND l.key = i.key RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- How many jobs of a limited queue may be claimed now. Locks the queue's row until the claim is committed, and counts
-- in a statement of its own, so that it sees every claim that was committed before.
CREATE FUNCTION queue_allowance(queue_name text, wanted integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    terms queue_limits;
    held bigint;
BEGIN
    SELECT * INTO terms FROM queue_limits q WHERE q.queue = queue_name FOR UPDATE;
    IF NOT FOUND THEN
        RETURN wanted;
    END IF;
    IF terms.max_running IS NOT NULL THEN
        SELECT coalesce(sum(cardinality(c.job_ids)) FILTER (WHERE NOT c.is_run), 0) + (
            SELECT count(DISTINCT j.id)
            FROM claims r CROSS JOIN LATERAL unnest(r.job_ids) AS i (id) JOIN jobs j ON j.id = i.id
            WHERE r.queue = queue_name AND r.is_run AND j.state = 'running' AND j.worker_id = r.worker_id
                AND j.queue = queue_name
        )
        INTO held FROM claims c WHERE c.queue = queue_name;
        wanted := least(wanted, terms.max_running - held);
    END IF;
    RETURN greatest(least(wanted, bucket_tokens(terms.rate, terms.burst, terms.empty_at, usher_now())), 0);
END
$$;
