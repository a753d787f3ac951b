-- What grows for ever is cut by time: reservations and their payments, notifications, and the audit's entries. What is
-- there becomes the first part as it is, so that no row is written again.

-- Ids come from sequences, so a range of them is a span of time; the scheduler sees to it that it is no long one.
CREATE TABLE order_ranges (
    ordinal      bigint      NOT NULL PRIMARY KEY,
    low          bigint      NOT NULL,
    high         bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    archived_at  timestamptz,       -- its orders are in archived_reservations and archived_payments since
    packed_at    timestamptz        -- and lie there sorted by on-sale since
);

ALTER TABLE reservations RENAME TO reservations_before;
ALTER TABLE reservations_before RENAME CONSTRAINT reservations_pkey TO reservations_before_pkey;
ALTER INDEX reservations_by_admission RENAME TO reservations_before_by_admission;
ALTER TABLE payments RENAME TO payments_before;
ALTER TABLE payments_before RENAME CONSTRAINT payments_pkey TO payments_before_pkey;
ALTER INDEX payments_for_people RENAME TO payments_before_for_people;

CREATE TABLE reservations (LIKE reservations_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id))
    PARTITION BY RANGE (id);
CREATE INDEX reservations_by_admission ON reservations (on_sale_id, admission_id);
CREATE TABLE payments (
    LIKE payments_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (reservation_id, attempt)
) PARTITION BY RANGE (reservation_id);
CREATE INDEX payments_for_people ON payments (updated_at) WHERE state = 'needs_person';

-- Where orders go when their on-sales are long over: out of the way of those that are sold now, and as they were.
-- Nobody changes them any more, so pages are full, and being sorted by on-sale a BRIN of a few pages finds one's orders.
CREATE TABLE archived_reservations (LIKE reservations INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id))
    PARTITION BY RANGE (id);
CREATE TABLE archived_payments (
    LIKE payments INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (reservation_id, attempt)
) PARTITION BY RANGE (reservation_id);

-- Every order there has been, for audits and exports.
CREATE VIEW all_reservations AS
    SELECT * FROM reservations UNION ALL SELECT * FROM archived_reservations;
CREATE VIEW all_payments AS
    SELECT * FROM payments UNION ALL SELECT * FROM archived_payments;

CREATE FUNCTION ensure_order_range(wanted bigint, low bigint, high bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usher.ensure_order_range'), hashtext(current_schema()));
    IF EXISTS (SELECT FROM order_ranges r WHERE r.ordinal = wanted) THEN
        RETURN false;
    END IF;
    -- The check says what the bounds say, and lets the part go to the archive without being read.
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF reservations (CONSTRAINT reservations_range CHECK (id >= %s AND id < %s)) '
        'FOR VALUES FROM (%2$s) TO (%3$s) WITH (fillfactor = 60)',
        'reservations_' || wanted, low, high);
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF payments '
        '(CONSTRAINT payments_range CHECK (reservation_id >= %s AND reservation_id < %s)) '
        'FOR VALUES FROM (%2$s) TO (%3$s) WITH (fillfactor = 70)',
        'payments_' || wanted, low, high);
    EXECUTE format('ALTER INDEX %I RENAME TO %I', 'reservations_' || wanted || '_on_sale_id_admission_id_idx',
        'reservations_' || wanted || '_by_admission');
    EXECUTE format('ALTER INDEX %I RENAME TO %I', 'payments_' || wanted || '_updated_at_idx',
        'payments_' || wanted || '_for_people');
    INSERT INTO order_ranges (ordinal, low, high, created_at) VALUES (wanted, low, high, usher_now());
    RETURN true;
END
$$;

-- Makes sure that the orders of the next ids have a place to go: reservations have the ids of their runs.
CREATE FUNCTION extend_order_ranges() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    current_range bigint;
    made integer := 0;
BEGIN
    SELECT last_value / job_range_size() INTO current_range FROM job_ids;
    FOR wanted IN current_range .. current_range + 1 LOOP
        IF ensure_order_range(wanted, wanted * job_range_size(), (wanted + 1) * job_range_size()) THEN
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;

DO $$
DECLARE
    current_range bigint;
BEGIN
    SELECT last_value / job_range_size() INTO current_range FROM job_ids;
    EXECUTE format(
        'ALTER TABLE reservations_before ADD CONSTRAINT reservations_range CHECK (id < %s)',
        (current_range + 1) * job_range_size());
    EXECUTE format(
        'ALTER TABLE payments_before ADD CONSTRAINT payments_range CHECK (reservation_id < %s)',
        (current_range + 1) * job_range_size());
    EXECUTE format(
        'ALTER TABLE reservations ATTACH PARTITION reservations_before FOR VALUES FROM (MINVALUE) TO (%s)',
        (current_range + 1) * job_range_size());
    EXECUTE format(
        'ALTER TABLE payments ATTACH PARTITION payments_before FOR VALUES FROM (MINVALUE) TO (%s)',
        (current_range + 1) * job_range_size());
    EXECUTE format('ALTER TABLE reservations_before RENAME TO %I', 'reservations_' || current_range);
    EXECUTE format('ALTER TABLE payments_before RENAME TO %I', 'payments_' || current_range);
    EXECUTE format('ALTER INDEX reservations_before_pkey RENAME TO %I', 'reservations_' || current_range || '_pkey');
    EXECUTE format('ALTER INDEX reservations_before_by_admission RENAME TO %I',
        'reservations_' || current_range || '_by_admission');
    EXECUTE format('ALTER INDEX payments_before_pkey RENAME TO %I', 'payments_' || current_range || '_pkey');
    EXECUTE format('ALTER INDEX payments_before_for_people RENAME TO %I',
        'payments_' || current_range || '_for_people');
    INSERT INTO order_ranges (ordinal, low, high, created_at)
    VALUES (current_range, '-9223372036854775808', (current_range + 1) * job_range_size(), usher_now());
    PERFORM extend_order_ranges();
END
$$;

-- The on-sales that have orders in a range, each found by one leap through the index.
CREATE FUNCTION order_range_sales(wanted bigint) RETURNS SETOF bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    range order_ranges;
    next bigint;
BEGIN
    SELECT * INTO range FROM order_ranges r WHERE r.ordinal = wanted;
    SELECT r.on_sale_id INTO next FROM reservations r WHERE r.id >= range.low AND r.id < range.high
    ORDER BY r.on_sale_id LIMIT 1;
    WHILE next IS NOT NULL LOOP
        RETURN NEXT next;
        SELECT (
            SELECT r.on_sale_id FROM reservations r
            WHERE r.id >= range.low AND r.id < range.high AND r.on_sale_id > next
            ORDER BY r.on_sale_id LIMIT 1
        ) INTO next;
    END LOOP;
END
$$;

-- Why the orders of a range can't be archived yet; null when they can. Reads the range once.
CREATE FUNCTION order_range_holdup(wanted bigint, keep interval) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    range order_ranges;
    open_sale bigint;
    culprit bigint;
BEGIN
    SELECT * INTO range FROM order_ranges r WHERE r.ordinal = wanted;
    IF NOT FOUND THEN
        RETURN 'there is no such range';
    END IF;
    IF range.high > (SELECT last_value FROM job_ids) THEN
        RETURN 'it is still being filled';
    END IF;
    SELECT p.on_sale_id INTO open_sale
    FROM order_range_sales(wanted) AS p (on_sale_id) JOIN on_sales o ON o.on_sale_id = p.on_sale_id
    WHERE (NOT (o.state IN ('closed', 'cancelled') AND o.closes_at < usher_now() - keep)
            -- A refund that was asked for lately may be under way.
            OR EXISTS (
                SELECT FROM audit_entries a
                WHERE a.on_sale_id = o.on_sale_id AND a.recorded_at > usher_now() - least(keep, interval '7 days')))
    LIMIT 1;
    IF open_sale IS NOT NULL THEN
        RETURN format('on-sale %s is not over for long enough', open_sale);
    END IF;
    SELECT r.id INTO culprit FROM reservations r
    WHERE r.id >= range.low AND r.id < range.high AND r.state IN ('held', 'paying') LIMIT 1;
    IF culprit IS NOT NULL THEN
        RETURN format('reservation %s has not ended', culprit);
    END IF;
    SELECT p.reservation_id INTO culprit FROM payments p
    WHERE p.reservation_id >= range.low AND p.reservation_id < range.high
        AND p.state IN ('unknown', 'authorised', 'needs_person') LIMIT 1;
    IF culprit IS NOT NULL THEN
        RETURN format('the payment of reservation %s is not settled', culprit);
    END IF;
    RETURN NULL;
END
$$;

-- Moves the orders of a range to the archive, at once and without touching a row: 'archived', 'busy' when the tables
-- could not be locked within an eye's blink, or why not. Asking again is harmless.
CREATE FUNCTION archive_order_range(wanted bigint, keep interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    range order_ranges;
    holdup text;
    low text;
BEGIN
    SELECT * INTO range FROM order_ranges r WHERE r.ordinal = wanted FOR UPDATE;
    IF range.archived_at IS NOT NULL THEN
        RETURN 'archived';
    END IF;
    -- A refund takes the lock of its on-sale first, so none begins between the look and the move.
    PERFORM FROM on_sales o
    WHERE o.on_sale_id IN (SELECT s.id FROM order_range_sales(wanted) AS s (id))
    ORDER BY o.on_sale_id FOR NO KEY UPDATE;
    holdup := order_range_holdup(wanted, keep);
    IF holdup IS NOT NULL THEN
        RETURN holdup;
    END IF;
    low := CASE WHEN range.low < 0 THEN 'MINVALUE' ELSE range.low::text END;
    BEGIN
        -- Whoever waits for this lock makes everybody else wait behind.
        PERFORM set_config('lock_timeout', '100ms', true);
        LOCK TABLE reservations, payments IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('ALTER TABLE reservations DETACH PARTITION %I', 'reservations_' || wanted);
        EXECUTE format('ALTER TABLE payments DETACH PARTITION %I', 'payments_' || wanted);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', 'reservations_' || wanted, 'archived_reservations_' || wanted);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', 'payments_' || wanted, 'archived_payments_' || wanted);
        EXECUTE format(
            'ALTER TABLE archived_reservations ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            'archived_reservations_' || wanted, low, range.high);
        EXECUTE format(
            'ALTER TABLE archived_payments ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            'archived_payments_' || wanted, low, range.high);
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        RETURN 'busy';
    END;
    UPDATE order_ranges r SET archived_at = usher_now() WHERE r.ordinal = wanted;
    RETURN 'archived';
END
$$;

-- Writes an archived range anew, sorted by on-sale and with full pages, and returns how many orders it has. Nobody sells
-- from these tables, so its locks are in nobody's way but a reader's of the archive.
CREATE FUNCTION pack_order_range(wanted bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    range order_ranges;
    low text;
    name text;
    before bigint;
    after bigint;
    counts bigint[] := '{}';
BEGIN
    SELECT * INTO range FROM order_ranges r WHERE r.ordinal = wanted FOR UPDATE;
    IF range.archived_at IS NULL THEN
        RAISE EXCEPTION 'pack_order_range: range % is not archived', wanted USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    low := CASE WHEN range.low < 0 THEN 'MINVALUE' ELSE range.low::text END;
    FOREACH name IN ARRAY ARRAY['archived_reservations', 'archived_payments'] LOOP
        IF range.packed_at IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                name || '_packing', name);
            EXECUTE format('INSERT INTO %I SELECT * FROM %I ORDER BY on_sale_id, 1', name || '_packing',
                name || '_' || wanted);
            GET DIAGNOSTICS after = ROW_COUNT;
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', name, name || '_' || wanted);
            EXECUTE format('SELECT count(*) FROM %I', name || '_' || wanted) INTO before;
            IF before <> after THEN
                RAISE EXCEPTION 'pack_order_range: % has % rows, % were written', name || '_' || wanted, before, after;
            END IF;
            EXECUTE format('DROP TABLE %I', name || '_' || wanted);
            EXECUTE format('ALTER TABLE %I RENAME TO %I', name || '_packing', name || '_' || wanted);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name,
                name || '_' || wanted, low, range.high);
            EXECUTE format('CREATE INDEX %I ON %I USING brin (on_sale_id) WITH (pages_per_range = 16)',
                name || '_' || wanted || '_by_on_sale', name || '_' || wanted);
        ELSE
            EXECUTE format('SELECT count(*) FROM %I', name || '_' || wanted) INTO after;
        END IF;
        counts := counts || after;
    END LOOP;
    UPDATE order_ranges r SET packed_at = usher_now() WHERE r.ordinal = wanted AND r.packed_at IS NULL;
    RETURN counts[1];
END
$$;

-- Notifications have ids of their own, and what must not be told twice is kept beside them: a key that is unique over
-- all parts can't be in a table of parts.
CREATE TABLE notification_ranges (
    ordinal     bigint      NOT NULL PRIMARY KEY,
    low         bigint      NOT NULL,
    high        bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    dropped_at  timestamptz          -- its notifications are gone since, and their keys go batch by batch
);

CREATE FUNCTION notification_range_size() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 2000000::bigint $$;

CREATE SEQUENCE notification_ids;
SELECT setval('notification_ids', (SELECT greatest(max(id), 1) FROM notifications));

ALTER TABLE notifications ALTER COLUMN id DROP IDENTITY;
ALTER TABLE notifications RENAME TO notifications_before;
ALTER TABLE notifications_before RENAME CONSTRAINT notifications_pkey TO notifications_before_pkey;
ALTER TABLE notifications_before ALTER COLUMN id SET DEFAULT nextval('notification_ids');

CREATE TABLE notification_keys (
    dedupe_key       text   NOT NULL COLLATE "C",
    notification_id  bigint NOT NULL,
    PRIMARY KEY (dedupe_key)
);
INSERT INTO notification_keys (dedupe_key, notification_id) SELECT dedupe_key, id FROM notifications_before;
ALTER TABLE notifications_before DROP CONSTRAINT notifications_dedupe_key_key;
DROP INDEX notifications_by_age, notifications_failed;

CREATE TABLE notifications (LIKE notifications_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id))
    PARTITION BY RANGE (id);
CREATE INDEX notifications_failed ON notifications (id) WHERE state = 'failed';
-- Both are written in the order of time, so a BRIN costs a write almost nothing and tells a part's age.
CREATE INDEX notifications_by_age ON notifications USING brin (created_at) WITH (pages_per_range = 32);
CREATE INDEX notification_keys_by_id ON notification_keys USING brin (notification_id) WITH (pages_per_range = 32);

CREATE FUNCTION extend_notification_ranges() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    current_range bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usher.ensure_notification_range'), hashtext(current_schema()));
    SELECT last_value / notification_range_size() INTO current_range FROM notification_ids;
    FOR wanted IN current_range .. current_range + 1 LOOP
        CONTINUE WHEN EXISTS (SELECT FROM notification_ranges r WHERE r.ordinal = wanted);
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF notifications FOR VALUES FROM (%s) TO (%s) WITH (fillfactor = 70)',
            'notifications_' || wanted, wanted * notification_range_size(), (wanted + 1) * notification_range_size());
        EXECUTE format('ALTER INDEX %I RENAME TO %I', 'notifications_' || wanted || '_id_idx',
            'notifications_' || wanted || '_failed');
        EXECUTE format('ALTER INDEX %I RENAME TO %I', 'notifications_' || wanted || '_created_at_idx',
            'notifications_' || wanted || '_by_age');
        INSERT INTO notification_ranges (ordinal, low, high, created_at)
        VALUES (wanted, wanted * notification_range_size(), (wanted + 1) * notification_range_size(), usher_now());
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

DO $$
DECLARE
    current_range bigint;
BEGIN
    SELECT last_value / notification_range_size() INTO current_range FROM notification_ids;
    EXECUTE format(
        'ALTER TABLE notifications ATTACH PARTITION notifications_before FOR VALUES FROM (MINVALUE) TO (%s)',
        (current_range + 1) * notification_range_size());
    EXECUTE format('ALTER TABLE notifications_before RENAME TO %I', 'notifications_' || current_range);
    EXECUTE format('ALTER INDEX notifications_before_pkey RENAME TO %I', 'notifications_' || current_range || '_pkey');
    EXECUTE format('ALTER INDEX notifications_before_id_idx RENAME TO %I',
        'notifications_' || current_range || '_failed');
    EXECUTE format('ALTER INDEX notifications_before_created_at_idx RENAME TO %I',
        'notifications_' || current_range || '_by_age');
    INSERT INTO notification_ranges (ordinal, low, high, created_at)
    VALUES (current_range, '-9223372036854775808', (current_range + 1) * notification_range_size(), usher_now());
    PERFORM extend_notification_ranges();
END
$$;

-- Writes what somebody is to be told, and returns the keys of those that were not written before. The arrays are of one
-- length; times, on-sales, arrivals and tellings may be null.
CREATE FUNCTION write_notifications(
    kinds text[], recipients text[], payloads jsonb[], keys text[], ends timestamptz[],
    sales bigint[] DEFAULT NULL, arrivals bigint[] DEFAULT NULL, tellings integer[] DEFAULT NULL
) RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    written_at timestamptz := usher_now();
BEGIN
    RETURN QUERY
    WITH given AS MATERIALIZED (
        -- In the order of the keys: two that write the same ones must meet in the same order.
        SELECT DISTINCT ON (g.key COLLATE "C") g.*
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
            AS g (kind, recipient, payload, key, not_after, on_sale_id, arrival, telling)
        ORDER BY g.key COLLATE "C"
    ), fresh AS (
        INSERT INTO notification_keys (dedupe_key, notification_id)
        SELECT g.key, nextval('notification_ids') FROM given g
        ON CONFLICT (dedupe_key) DO NOTHING
        RETURNING dedupe_key, notification_id
    ), written AS (
        INSERT INTO notifications (id, kind, recipient, payload, dedupe_key, not_after, created_at, on_sale_id, arrival,
            telling)
        SELECT f.notification_id, g.kind, g.recipient, g.payload, f.dedupe_key, g.not_after, written_at, g.on_sale_id,
            g.arrival, g.telling
        FROM fresh f JOIN given g ON g.key = f.dedupe_key
    )
    SELECT f.dedupe_key FROM fresh f;
END
$$;

-- Drops one part in which nothing is younger than keep or waits, nor has failed and is younger than three times that;
-- false when there is none.
CREATE FUNCTION drop_notification_range(keep interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    range notification_ranges;
    over boolean;
BEGIN
    FOR range IN
        SELECT * FROM notification_ranges r
        WHERE r.dropped_at IS NULL AND r.high <= (SELECT last_value FROM notification_ids)
        ORDER BY r.ordinal
    LOOP
        SELECT NOT EXISTS (
                SELECT FROM notifications n
                WHERE n.id >= range.low AND n.id < range.high AND n.created_at > usher_now() - keep)
            AND NOT EXISTS (
                SELECT FROM notifications n
                WHERE n.id >= range.low AND n.id < range.high AND n.state = 'failed'
                    AND n.created_at > usher_now() - 3 * keep)
            AND NOT EXISTS (
                SELECT FROM notifications n WHERE n.id >= range.low AND n.id < range.high AND n.state = 'pending')
        INTO over;
        CONTINUE WHEN NOT over;
        BEGIN
            PERFORM set_config('lock_timeout', '100ms', true);
            LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('DROP TABLE %I', 'notifications_' || range.ordinal);
            UPDATE notification_ranges r SET dropped_at = usher_now() WHERE r.ordinal = range.ordinal;
            RETURN true;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RETURN false;
        END;
    END LOOP;
    RETURN false;
END
$$;

-- Deletes the keys of parts that are gone, a batch at a time, and returns how many.
CREATE FUNCTION forget_notification_keys(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    range notification_ranges;
    gone integer;
BEGIN
    SELECT * INTO range FROM notification_ranges r WHERE r.dropped_at IS NOT NULL ORDER BY r.ordinal LIMIT 1 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM notification_keys k WHERE k.ctid = ANY (ARRAY (
        SELECT ctid FROM notification_keys WHERE notification_id >= range.low AND notification_id < range.high LIMIT most));
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone < most THEN
        DELETE FROM notification_ranges r WHERE r.ordinal = range.ordinal;
    END IF;
    RETURN gone;
END
$$;

-- The audit's entries, a part a month. A month that nobody made ahead goes to the last part.
ALTER TABLE audit_entries RENAME TO audit_entries_before;
ALTER TABLE audit_entries_before RENAME CONSTRAINT audit_entries_pkey TO audit_entries_before_pkey;
CREATE TABLE audit_entries (LIKE audit_entries_before, PRIMARY KEY (on_sale_id, ordinal, recorded_at))
    PARTITION BY RANGE (recorded_at);
CREATE TABLE audit_entries_other PARTITION OF audit_entries DEFAULT;

CREATE FUNCTION ensure_audit_month(day timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    low timestamptz := date_trunc('month', day, 'UTC');
    high timestamptz := date_trunc('month', low + interval '40 days', 'UTC');
    part text := 'audit_entries_' || to_char(low AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('usher.ensure_audit_month'), hashtext(current_schema()));
    IF to_regclass(format('%I.%I', current_schema(), part)) IS NOT NULL
        OR EXISTS (SELECT FROM audit_entries_other WHERE recorded_at >= low AND recorded_at < high)
    THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF audit_entries FOR VALUES FROM (%L) TO (%L)', part, low, high);
    RETURN true;
END
$$;

SELECT ensure_audit_month(m.day) FROM (SELECT DISTINCT date_trunc('month', recorded_at, 'UTC') FROM audit_entries_before)
    AS m (day);
SELECT ensure_audit_month(usher_now()), ensure_audit_month(date_trunc('month', usher_now(), 'UTC') + interval '40 days');
INSERT INTO audit_entries SELECT * FROM audit_entries_before;
DROP TABLE audit_entries_before;

-- The end of each chain lies beside it: so the next entry is written without reading the ones before, whatever month they
-- are of, and a chain that has lost its last ones is found out.
ALTER TABLE audit_chains ADD COLUMN hash bytea NOT NULL DEFAULT '';
INSERT INTO audit_chains AS c (on_sale_id, entries, hash)
SELECT DISTINCT ON (on_sale_id) on_sale_id, ordinal, hash FROM audit_entries ORDER BY on_sale_id, ordinal DESC
ON CONFLICT (on_sale_id) DO UPDATE SET hash = excluded.hash;

-- Books are looked at by on-sale only, as seats and places are, and lie in as many parts as seats.
ALTER TABLE tiers RENAME TO tiers_before;
ALTER TABLE tiers_before RENAME CONSTRAINT tiers_pkey TO tiers_before_pkey;
CREATE TABLE tiers (LIKE tiers_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (on_sale_id, id))
    PARTITION BY HASH (on_sale_id);
CREATE TABLE tiers_0 PARTITION OF tiers FOR VALUES WITH (MODULUS 4, REMAINDER 0) WITH (fillfactor = 50);
CREATE TABLE tiers_1 PARTITION OF tiers FOR VALUES WITH (MODULUS 4, REMAINDER 1) WITH (fillfactor = 50);
CREATE TABLE tiers_2 PARTITION OF tiers FOR VALUES WITH (MODULUS 4, REMAINDER 2) WITH (fillfactor = 50);
CREATE TABLE tiers_3 PARTITION OF tiers FOR VALUES WITH (MODULUS 4, REMAINDER 3) WITH (fillfactor = 50);
INSERT INTO tiers SELECT * FROM tiers_before;
DROP TABLE tiers_before;
