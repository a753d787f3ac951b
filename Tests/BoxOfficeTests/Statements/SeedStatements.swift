import Postgres

@testable import BoxOffice

/// What fills a schema whose first on-sale is the one under test.
enum SeedStatements {
    /// On-sales that are over, the last sixteen of them with their places, sessions and reservations.
    static let past = [
        Query(
            "seed.on_sales",
            """
            INSERT INTO on_sales (title, venue, city, currency, opens_at, starts_at, closes_at, rate_per_minute,
                active_limit, turn_seconds, session_seconds, plan, state, entry_salt, draw_secret, commitment,
                created_at)
            SELECT title, venue, city, currency, opens_at - interval '9 days', starts_at - interval '9 days',
                closes_at - interval '9 days', rate_per_minute, active_limit, turn_seconds, session_seconds, plan,
                'closed', entry_salt, draw_secret, commitment, created_at
            FROM on_sales, generate_series(1, 300)
            """
        ),
        Query(
            "seed.facts",
            """
            INSERT INTO facts (on_sale_id, recorded_at, kind, data)
            SELECT 1 + n % 301, usher_now(), 'place.taken', '{"place": 1}' FROM generate_series(1, 20000) AS n
            """
        ),
        Query(
            "seed.minutes",
            """
            INSERT INTO sale_minutes
            SELECT o, '2026-01-01Z'::timestamptz + make_interval(mins => n), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
            FROM generate_series(2, 301) AS o, generate_series(1, 30) AS n
            """
        ),
        Query(
            "seed.renderings",
            """
            INSERT INTO page_renderings SELECT n, 1, 1, usher_now() FROM generate_series(2, 20000) AS n
            """
        ),
        Query(
            "seed.pages",
            """
            INSERT INTO rendered_pages
            SELECT o, p, 'text/html', '', '"' || o || '"', ARRAY['os_' || o], 1, 1, usher_now(), convert_to(repeat('x', 100), 'UTF8')
            FROM generate_series(2, 3000) AS o, unnest(ARRAY['event.en', 'event.de', 'seats.json', 'seats.svg']) AS p
            """
        ),
        Query(
            "seed.purges",
            """
            INSERT INTO page_purges (cache, key, rounds, due_at, requested_at)
            SELECT c, 'os_' || o || '-seats', 0, usher_now(), usher_now()
            FROM generate_series(2, 10000) AS o, unnest(ARRAY['a', 'b']) AS c
            """
        ),
        Query(
            "seed.draws",
            """
            INSERT INTO draws (on_sale_id, keeper, reveal_seconds, beacon, beacon_wait_seconds)
            SELECT on_sale_id, 'usher', 120, 'none', 600 FROM on_sales WHERE on_sale_id > 1
            """
        ),
        Query(
            "seed.codes",
            """
            INSERT INTO presale_codes (on_sale_id, code, group_ordinal, created_at)
            SELECT o, substring(sha256(convert_to(o || '.' || n, 'UTF8')) FOR 16), 1, usher_now()
            FROM generate_series(1, 301, 20) AS o, generate_series(1, 1000) AS n
            """
        ),
        Query(
            "seed.invitations",
            """
            INSERT INTO invitations (on_sale_id, buyer, group_ordinal, created_at)
            SELECT o, substring(sha256(convert_to(o || ':' || n, 'UTF8')) FOR 16), 1, usher_now()
            FROM generate_series(1, 301, 20) AS o, generate_series(1, 1000) AS n
            """
        ),
        Query(
            "seed.contacts",
            """
            INSERT INTO contacts (on_sale_id, arrival, channel, address, locale, agreed_at)
            SELECT o, n, 'email', 'a@example.org', 'en', usher_now()
            FROM generate_series(1, 301, 20) AS o, generate_series(1, 1000) AS n
            """
        ),
        Query(
            "seed.audit",
            """
            INSERT INTO audit_entries
            SELECT o, 100 + n, usher_now(), 'test', 'rate', '{}', sha256('')
            FROM generate_series(0, 1) AS o, generate_series(1, 2000) AS n
            """
        ),
        Query(
            "seed.arrivals",
            "INSERT INTO arrivals SELECT on_sale_id, 1000, 'closed' FROM on_sales WHERE on_sale_id > 1"
        ),
        Query(
            "seed.rules",
            """
            INSERT INTO reservation_rules
            SELECT o.on_sale_id, max_per_buyer, hold_seconds, extension_seconds, extension_limit, payment_seconds,
                grace_seconds, payment_limit
            FROM on_sales o, reservation_rules WHERE o.on_sale_id > 1
            """
        ),
        Query(
            "seed.tiers",
            """
            INSERT INTO tiers SELECT o.on_sale_id, id, ordinal, name, price, t.currency, numbered, capacity, free,
                withheld, held, paying, sold
            FROM on_sales o, tiers t WHERE o.on_sale_id > 1
            """
        ),
        Query(
            "seed.sections",
            """
            INSERT INTO sections SELECT o.on_sale_id, ordinal, id, name, tier FROM on_sales o, sections
            WHERE o.on_sale_id > 1
            """
        ),
        Query(
            "seed.past_places",
            """
            INSERT INTO places (on_sale_id, arrival, id, buyer, joined_at, number)
            SELECT o, n, substring(sha256(convert_to(o || '.' || n, 'UTF8')) FOR 16),
                substring(sha256(convert_to(o || ':' || n, 'UTF8')) FOR 16), usher_now(), n
            FROM generate_series(286, 301) AS o, generate_series(1, 1000) AS n
            """
        ),
        Query(
            "seed.past_seats",
            """
            INSERT INTO seats
            SELECT o, seat, section, row_number, position, tier, label, row_label, accessible, state
            FROM generate_series(286, 301) AS o, seats WHERE on_sale_id = 1 AND seat <= 1000
            """
        ),
        Query(
            "seed.past_turns",
            """
            INSERT INTO turns
            SELECT o, n * 10 + 1, n * 10 + 10, 10, usher_now(), usher_now(), 'rate', '{}', usher_now(), 5, 5
            FROM generate_series(286, 301) AS o, generate_series(0, 599) AS n
            """
        ),
        Query(
            "seed.past_admissions",
            """
            INSERT INTO admissions (admission_id, on_sale_id, arrival, number, admitted_at, expires_at, ended_at,
                end_reason)
            OVERRIDING SYSTEM VALUE
            SELECT 1000000 + o * 1000 + n, o, n, n, usher_now(), usher_now(), usher_now(), 'bought'
            FROM generate_series(286, 301) AS o, generate_series(1, 300) AS n
            """
        ),
        Query(
            "seed.past_reservations",
            """
            INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                expires_at, hold_ends_at, held_at, attempt, ended_at)
            SELECT nextval('job_ids'), o, 1000000 + o * 1000 + n, 'floor', 1, '{}', 3000, 'EUR', 'sold', usher_now(),
                usher_now(), usher_now(), 1, usher_now()
            FROM generate_series(286, 301) AS o, generate_series(1, 300) AS n
            """
        ),
    ]

    /// The buyers who wait for the draw.
    static func crowd(_ places: Int) -> [Query] {
        [
            Query(
                "seed.places",
                """
                INSERT INTO places (on_sale_id, arrival, id, buyer, joined_at)
                SELECT 1, n, substring(sha256(convert_to('p' || n, 'UTF8')) FOR 16),
                    substring(sha256(convert_to('b' || n, 'UTF8')) FOR 16), usher_now()
                FROM generate_series((SELECT issued + 1 FROM arrivals WHERE on_sale_id = 1), \(places)) AS n
                """
            ),
            Query("seed.issued", "UPDATE arrivals SET issued = \(places) WHERE on_sale_id = 1"),
        ]
    }

    /// Who was called, and came in; ten to a turn, and the last ten turns are open.
    static func called(_ order: DrawOrder) -> [Query] {
        let numbers = Array(1...SeededSale.entered)
        let arrivals = numbers.map { order.arrival(ofNumber: $0) }
        return [
            Query(
                "seed.entered",
                """
                UPDATE places AS p SET number = k.number, admitted_at = usher_now()
                FROM unnest(\(arrivals), \(numbers)) AS k (arrival, number)
                WHERE p.on_sale_id = 1 AND p.arrival = k.arrival
                """
            ),
            Query(
                "seed.admissions",
                """
                INSERT INTO admissions (admission_id, on_sale_id, arrival, number, admitted_at, expires_at, ended_at,
                    end_reason)
                OVERRIDING SYSTEM VALUE
                SELECT number, 1, arrival, number, usher_now(), usher_now() + interval '10 minutes',
                    CASE WHEN number <= \(SeededSale.ended) THEN usher_now() END,
                    CASE WHEN number <= \(SeededSale.ended) THEN 'bought' END
                FROM unnest(\(arrivals), \(numbers)) AS k (arrival, number)
                """
            ),
            // Second turns: most are over, and a few are open.
            Query(
                "seed.reoffers",
                """
                INSERT INTO reoffers (on_sale_id, arrival, ordinal, kind, number, quantity, asked_at, called_at,
                    expires_at, settled_at, came)
                SELECT o, n, 1, 'missed', n, 1, usher_now(), usher_now(), usher_now() + interval '2 minutes',
                    CASE WHEN n > 20 THEN usher_now() END, CASE WHEN n > 20 THEN false END
                FROM generate_series(1, 301, 20) AS o, generate_series(1, 2000) AS n
                """
            ),
            Query("seed.identity", "ALTER TABLE admissions ALTER admission_id RESTART WITH 2000000"),
            Query(
                "seed.turns",
                """
                INSERT INTO turns (on_sale_id, first_number, last_number, called, called_at, expires_at, reason,
                    inputs, settled_at, admitted, missed)
                SELECT 1, n - 9, n, 10, usher_now(), usher_now() + interval '2 minutes', 'rate', '{}',
                    CASE WHEN n <= \(SeededSale.entered) THEN usher_now() END,
                    CASE WHEN n <= \(SeededSale.entered) THEN 10 END, CASE WHEN n <= \(SeededSale.entered) THEN 0 END
                FROM generate_series(10, \(SeededSale.called), 10) AS n
                """
            ),
            Query(
                "seed.serving",
                """
                UPDATE on_sales SET serving = \(SeededSale.called), ticked_at = usher_now() WHERE on_sale_id = 1
                """
            ),
        ]
    }

    /// What they did there: 5,000 reservations of sessions that are over, 200 of live ones, each with its run.
    static let bought = [
        // Nobody works on the lifecycle: the tests make its steps by hand.
        Query("seed.lifecycle", "UPDATE jobs SET state = 'waiting', waiting_for = '{}'"),
        Query("seed.not_ready", "DELETE FROM ready"),
        Query(
            "seed.jobs",
            """
            WITH runs AS (
                INSERT INTO jobs (id, name, home_queue, queue, state, input, is_run)
                SELECT nextval('job_ids'), 'reservation', 'reservations', 'reservations', 'done', '{}', true
                FROM generate_series(1, 5200)
                RETURNING id
            )
            INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                expires_at, hold_ends_at, held_at, attempt)
            SELECT id, 1, CASE WHEN n <= 5000 THEN n ELSE n + 500 END, 'floor', 1, '{}', 3000, 'EUR',
                CASE WHEN n > 5150 THEN 'paying' WHEN n > 5000 THEN 'held'
                    ELSE ('{sold,sold,sold,sold,sold,sold,sold,expired,released,refunded}'::text[])[n % 10 + 1] END,
                usher_now() + interval '1 hour', usher_now() + interval '1 hour', usher_now(), 1
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM runs) AS numbered
            """
        ),
        Query(
            "seed.books",
            """
            UPDATE tiers SET held = 150, paying = 50, sold = 3500, free = free - 3700
            WHERE on_sale_id = 1 AND id = 'floor'
            """
        ),
        Query(
            "seed.payments",
            """
            INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                created_at, updated_at)
            SELECT id, 1, on_sale_id, 'r' || id, 'card', total, 'EUR',
                CASE state WHEN 'sold' THEN 'captured' WHEN 'paying' THEN 'unknown' ELSE 'refunded' END,
                usher_now(), usher_now()
            FROM reservations WHERE state IN ('sold', 'paying', 'refunded')
            """
        ),
        Query(
            "seed.checkpoints",
            """
            INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch)
            SELECT id, 0, 'step ' || n, 0, '1', 1 FROM jobs, generate_series(1, 4) AS n
            """
        ),
        Query(
            "seed.events",
            "INSERT INTO events (job_id, name, payload) SELECT id, 'checkout#1', '1' FROM jobs"
        ),
        Query(
            "seed.values",
            "INSERT INTO run_values (job_id, name, value) SELECT id, 'status', '1' FROM jobs"
        ),
        Query("seed.keys", "INSERT INTO job_keys SELECT 'refund:' || id, id FROM jobs"),
        Query(
            "seed.answers",
            """
            INSERT INTO idempotency_keys
            SELECT n, 'POST /v1/reservations', 'key ' || n, 'x', '{}', usher_now() - n * interval '20 seconds'
            FROM generate_series(1, 5000) AS n
            """
        ),
        Query(
            "seed.notifications",
            """
            INSERT INTO notifications (kind, recipient, payload, dedupe_key, state, created_at)
            SELECT 'sold', 'ad_' || n, '{}', 'sold:' || n, CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'sent' END,
                usher_now() - n * interval '10 minutes'
            FROM generate_series(1, 5000) AS n
            """
        ),
        Query(
            "seed.notification_keys",
            "INSERT INTO notification_keys (dedupe_key, notification_id) SELECT dedupe_key, id FROM notifications"
        ),
    ]
}
