-- What operators ask for is found without reading a table that grows.

-- Dead letters by when they failed, and those of a queue; batches by when they were told of.
CREATE INDEX dead_letters_by_age ON dead_letters (failed_at, job_id);
CREATE INDEX dead_letters_by_queue ON dead_letters (queue, job_id);
CREATE INDEX job_batches_by_end ON job_batches (fired_at) WHERE fired_at IS NOT NULL;

-- How many rows of a queue a table has: counted up to 10,000, and beyond that by what ANALYZE has seen, and by what
-- Postgres keeps of the table. The table has an index that begins with its column `queue`.
CREATE FUNCTION count_of_queue(what regclass, queue_name text, OUT number bigint, OUT is_estimate boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    share real;
BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %s WHERE queue = $1 LIMIT 10001) AS first', what)
    INTO number USING queue_name;
    is_estimate := number > 10000;
    IF is_estimate THEN
        SELECT v.share INTO share
        FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace::regnamespace::name = s.schemaname,
            unnest(s.most_common_vals::text::text[], s.most_common_freqs) AS v (value, share)
        WHERE c.oid = what AND s.attname = 'queue' AND v.value = queue_name;
        number := greatest(number, round(pg_stat_get_live_tuples(what) * coalesce(share, 1)));
    END IF;
END
$$;
