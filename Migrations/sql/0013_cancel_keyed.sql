-- Cancels a plain job, also one that is behind its key: at once while nobody has claimed it, by asking its worker until the deadline, and over the
-- worker's head after it.
--
-- A claim deletes the ready row before it commits its own, so that of a claim and a cancellation one finds no row to
-- delete: a job is claimed or cancelled, never both. Each look takes a new snapshot; a job that is in no place twice
-- in a row has ended.
CREATE OR REPLACE FUNCTION cancel_job(wanted bigint, why text, until timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    job record;
    place record;
    holder bigint;
BEGIN
    FOR look IN 1 .. 3 LOOP
        SELECT j.state, j.queue, j.limit_key, j.wake_at, j.rank, coalesce(a.rank, j.rank) AS place INTO job
        FROM jobs j LEFT JOIN admitted a ON a.queue = j.queue AND a.key = j.limit_key AND a.job_id = j.id
        WHERE j.id = wanted AND NOT j.is_run;
        IF NOT FOUND THEN
            RETURN 'unknown';
        END IF;
        IF job.state IN ('done', 'failed', 'cancelled', 'expired') THEN
            RETURN 'ended';
        END IF;
        IF job.state = 'scheduled' THEN
            UPDATE jobs j SET state = 'cancelled', error = why, wake_at = NULL, finished_at = usher_now()
            WHERE j.id = wanted AND j.state = 'scheduled' AND j.wake_at = job.wake_at;
            IF FOUND THEN
                DELETE FROM timers t WHERE t.wake_at = job.wake_at AND t.job_id = wanted;
                RETURN 'cancelled';
            END IF;
            CONTINUE;
        END IF;
        IF job.limit_key IS NOT NULL THEN
            DELETE FROM blocked b
            WHERE b.queue = job.queue AND b.key = job.limit_key AND b.rank = job.rank AND b.job_id = wanted;
            IF FOUND THEN
                UPDATE jobs j SET state = 'cancelled', error = why, finished_at = usher_now() WHERE j.id = wanted;
                RETURN 'cancelled';
            END IF;
        END IF;
        SELECT q.first_lane, q.lanes INTO place FROM queues q WHERE q.name = job.queue;
        DELETE FROM ready r
        WHERE r.lane IN (lane_of(place.first_lane, place.lanes, 0::smallint, wanted),
                lane_of(place.first_lane, place.lanes, 1::smallint, wanted))
            AND r.rank = job.place AND r.job_id = wanted;
        IF FOUND THEN
            UPDATE jobs j SET state = 'cancelled', error = why, finished_at = usher_now() WHERE j.id = wanted;
            RETURN 'cancelled';
        END IF;
        SELECT c.batch INTO holder FROM claims c WHERE NOT c.is_run AND wanted = ANY (c.job_ids);
        IF NOT FOUND THEN
            CONTINUE;
        END IF;
        IF until <= usher_now() THEN
            -- Whoever holds the claim's row is writing ends this moment; then the next look decides.
            PERFORM FROM claims c WHERE c.batch = holder AND wanted = ANY (c.job_ids) FOR UPDATE SKIP LOCKED;
            IF FOUND THEN
                UPDATE claims c SET job_ids = array_remove(c.job_ids, wanted)
                WHERE c.batch = holder AND cardinality(c.job_ids) > 1;
                IF NOT FOUND THEN
                    DELETE FROM claims c WHERE c.batch = holder;
                END IF;
                UPDATE jobs j SET state = 'cancelled', error = why, finished_at = usher_now() WHERE j.id = wanted;
                INSERT INTO cancellations VALUES (wanted, why, usher_now(), until) ON CONFLICT DO NOTHING;
                RETURN 'cancelled';
            END IF;
        END IF;
        INSERT INTO cancellations AS c VALUES (wanted, why, usher_now(), until)
        ON CONFLICT (job_id) DO UPDATE SET deadline = least(c.deadline, excluded.deadline);
        RETURN 'asked';
    END LOOP;
    RETURN 'ended';
END
$$;
