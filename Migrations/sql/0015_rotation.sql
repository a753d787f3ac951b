-- Lanes change sides when vacuum can't keep up with their dead rows, most of all while someone holds an old snapshot.

-- A side that has run dry is truncated, and a side with more dead rows than dead_limit hands over to a clean one.
-- Returns the leaves truncated and the queues that changed sides. What is locked by anybody is left for the next time.
CREATE FUNCTION rotate_lanes(dead_limit bigint, OUT truncated integer, OUT turned integer) LANGUAGE plpgsql AS $$
DECLARE
    q record;
    leaf text;
    is_empty boolean;
    is_clean boolean;
    dead bigint;
BEGIN
    truncated := 0;
    turned := 0;
    FOR q IN SELECT name, first_lane, lanes, side FROM queues ORDER BY name LOOP
        is_clean := true;
        FOR lane IN 0 .. q.lanes - 1 LOOP
            leaf := 'ready_' || q.first_lane + (1 - q.side) * q.lanes + lane;
            CONTINUE WHEN pg_relation_size(leaf::regclass) = 0;
            is_empty := false;
            -- Looked at without the lock first, so that a side with work on it is never locked.
            EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', leaf) INTO is_empty;
            IF is_empty THEN
                BEGIN
                    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE NOWAIT', leaf);
                    -- Again, because numbers are taken early and committed late.
                    EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', leaf) INTO is_empty;
                    IF is_empty THEN
                        EXECUTE format('TRUNCATE %I', leaf);
                        truncated := truncated + 1;
                    END IF;
                EXCEPTION WHEN lock_not_available THEN
                    is_empty := false;
                END;
            END IF;
            is_clean := is_clean AND is_empty;
        END LOOP;
        SELECT sum(pg_stat_get_dead_tuples(('ready_' || q.first_lane + q.side * q.lanes + n)::regclass)) INTO dead
            FROM generate_series(0, q.lanes - 1) AS n;
        IF is_clean AND dead > dead_limit THEN
            UPDATE queues SET side = 1 - side WHERE name = q.name;
            turned := turned + 1;
        END IF;
    END LOOP;
END
$$;
