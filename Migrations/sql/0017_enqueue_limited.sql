-- enqueue_job() takes a limit key, too: whose limits the job is counted under.
--
--     SELECT id FROM enqueue_job('mail.send', '{"to": "ada@example.org"}', queue => 'mail', limit_key => 'customer-7');
--
-- It can be called with any search_path. Workers find the job within their polling interval. To wake them at once, send
-- NOTIFY usher_ready_<schema> after the commit; in the transaction itself it would make commits queue up.
DROP FUNCTION enqueue_job(text, jsonb, text, integer, timestamptz, timestamptz, text, text, interval);
CREATE FUNCTION enqueue_job(
    name text,
    input jsonb DEFAULT '{}',
    queue text DEFAULT 'default',
    priority integer DEFAULT 0,
    run_at timestamptz DEFAULT NULL,        -- null: at once
    start_by timestamptz DEFAULT NULL,      -- dropped when nobody has started it by then; null: never
    key text DEFAULT NULL,                  -- unique under this key
    unique_while text DEFAULT 'kept',       -- 'queued', 'unfinished' or 'kept'
    unique_within interval DEFAULT NULL,
    limit_key text DEFAULT NULL,            -- blocked until this key of the queue has room; null: no key
    OUT id bigint,
    OUT is_duplicate boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given_name CONSTANT text := name;
    given_key CONSTANT text := key;
    given_limit_key CONSTANT text := limit_key;
    known record;
    job_rank bigint;
BEGIN
    IF name IS NULL OR input IS NULL OR priority IS NULL THEN
        RAISE EXCEPTION 'enqueue_job: name, input and priority must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF priority NOT BETWEEN -32768 AND 32767 THEN
        RAISE EXCEPTION 'enqueue_job: priority must be from -32768 to 32767, not %', priority
            USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    IF key IS NOT NULL AND (unique_while IS NULL OR unique_while NOT IN ('queued', 'unfinished', 'kept')) THEN
        RAISE EXCEPTION 'enqueue_job: unique_while must be queued, unfinished or kept, not %', unique_while
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT q.* INTO known FROM queues q WHERE q.name = $3;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'enqueue_job: there is no queue %; start a worker for it or call ensure_queue first', $3
            USING ERRCODE = 'undefined_object';
    END IF;
    IF given_limit_key IS NOT NULL AND NOT known.is_keyed THEN
        PERFORM mark_keyed(ARRAY[known.name]);
        SELECT q.* INTO known FROM queues q WHERE q.name = $3;
    END IF;
    id := nextval('job_ids');
    is_duplicate := false;
    IF given_key IS NOT NULL THEN
        LOOP
            SELECT k.job_id INTO id FROM job_keys k
            WHERE k.key = given_key AND (k.expires_at IS NULL OR k.expires_at > usher_now());
            IF FOUND THEN
                is_duplicate := true;
                RETURN;
            END IF;
            id := nextval('job_ids');
            INSERT INTO job_keys AS k (key, job_id, expires_at) VALUES (given_key, id, usher_now() + unique_within)
            ON CONFLICT ON CONSTRAINT job_keys_pkey
                DO UPDATE SET job_id = excluded.job_id, expires_at = excluded.expires_at
                WHERE k.expires_at <= usher_now();
            EXIT WHEN FOUND;
        END LOOP;
    END IF;
    job_rank := rank_of($4::smallint, known.ageing_ms, coalesce($5, usher_now()));
    INSERT INTO jobs (
        id, name, home_queue, queue, priority, state, rank, wake_at, start_by, input, key_until_start, key_until_end,
        limit_key
    ) VALUES (
        id, $1, $3, $3, $4, CASE WHEN $5 IS NULL THEN 'queued' ELSE 'scheduled' END::job_state, job_rank, $5, $6, $2,
        CASE WHEN $8 = 'queued' THEN given_key END, CASE WHEN $8 = 'unfinished' THEN given_key END,
        given_limit_key
    );
    IF $5 IS NULL AND given_limit_key IS NOT NULL THEN
        INSERT INTO blocked (queue, key, rank, job_id, priority) VALUES ($3, given_limit_key, job_rank, id, $4);
        INSERT INTO key_signals (queue, key) VALUES ($3, given_limit_key);
    ELSIF $5 IS NULL THEN
        INSERT INTO ready (rank, job_id, lane, is_run)
        VALUES (job_rank, id, lane_of(known.first_lane, known.lanes, known.side, id), false);
    ELSE
        INSERT INTO timers (wake_at, job_id) VALUES ($5, id);
    END IF;
END
$$;

DO $$
BEGIN
    -- So that callers need not have the schema on their path.
    EXECUTE format(
        'ALTER FUNCTION enqueue_job SET search_path = %I, pg_temp', current_schema()
    );
END
$$;
