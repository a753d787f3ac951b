/// What fills the tables with a million jobs that have not ended, and with those that ended before them.
enum BacklogSeed {
    /// Which jobs are what, by number.
    enum Jobs {
        /// Ready in `default`, by their numbers' rest after a division by eight: 0 is a run, 1 has a key until its end,
        /// 3 has one until its start, 5 is of a batch.
        static let ready: ClosedRange<Int64> = 1...750_000
        /// Wait for their time in `default`; the first hundred are due.
        static let scheduled: ClosedRange<Int64> = 750_001...850_000
        /// Runs that wait for the event `go`, with two checkpoints, an event, their progress and a line of log each.
        static let waiting: ClosedRange<Int64> = 850_001...945_000
        /// Children among them, one each of the runs that are 40,000 before them.
        static let children: ClosedRange<Int64> = 890_001...929_000
        /// Those among them that a function of SQL ends when their time comes; the first hundred are due.
        static let expiring: ClosedRange<Int64> = 930_001...935_000
        /// Behind their keys in `mail`, fifty of each of a thousand.
        static let blocked: ClosedRange<Int64> = 945_001...995_000
        /// Plain jobs in claims 1 to 40, of fifty; each second one has a key until its end.
        static let held: ClosedRange<Int64> = 995_001...997_000
        /// Runs in claims 41 to 80.
        static let running: ClosedRange<Int64> = 997_001...999_000
        /// Jobs of `mail` with slots, in claims 81 to 100.
        static let admitted: ClosedRange<Int64> = 999_001...1_000_000
        /// Failed for good; one in a hundred in `mail`, with a key.
        static let dead: ClosedRange<Int64> = 1_000_001...1_050_000
        /// Ended well, in closures of fifty, the last of them a minute ago.
        static let done: ClosedRange<Int64> = 1_050_001...1_200_000
    }

    /// The worker that holds all claims but every tenth, whose worker 900 is dead.
    static let worker: Int64 = 1

    static let sql =
        backlog + limits + claims + ended + """
            SELECT setval('job_ids', 1200000);
            """

    private static let backlog = """
        INSERT INTO jobs (id, name, home_queue, queue, is_run, state, input, key_until_end, key_until_start, batch_id,
            created_at)
        SELECT n, 'x', 'default', 'default', n % 8 = 0, CASE WHEN n % 8 = 0 THEN 'ready' ELSE 'queued' END::job_state,
            '{}', CASE WHEN n % 8 = 1 THEN 'end:' || n END, CASE WHEN n % 8 = 3 THEN 'start:' || n END,
            CASE WHEN n % 8 = 5 THEN 1 + n % 5000 END, now() - interval '2 days'
        FROM generate_series(1, 750000) n;
        INSERT INTO ready SELECT 0, n, n % 4, n % 8 = 0 FROM generate_series(1, 750000) n;
        INSERT INTO job_keys SELECT CASE WHEN n % 8 = 1 THEN 'end:' ELSE 'start:' END || n, n
        FROM generate_series(1, 750000) n WHERE n % 8 IN (1, 3);
        INSERT INTO job_batches (name, job_name, queue, input, added, sealed_at, is_sealed)
        SELECT 'b' || n, 'told', 'default', '{}', 1000, now(), true FROM generate_series(1, 5000) n;
        INSERT INTO job_batches (name, job_name, queue, input, added, sealed_at, is_sealed)
        SELECT 'b' || n, 'told', 'default', '{}', 1, now(), true FROM generate_series(5001, 5020) n;
        INSERT INTO batch_tallies (batch_id, done) SELECT n, 1 FROM generate_series(5001, 5020) n;
        INSERT INTO batch_tallies (batch_id, done) SELECT 1 + n % 5000, 1 FROM generate_series(1, 20000) n;

        INSERT INTO jobs (id, name, home_queue, queue, state, wake_at, input)
        SELECT n, 'x', 'default', 'default', 'scheduled',
            now() + make_interval(secs => n - 750101 + CASE WHEN n > 750101 THEN 3600 ELSE 0 END), '{}'
        FROM generate_series(750001, 850000) n;
        INSERT INTO jobs (id, name, home_queue, queue, is_run, state, epoch, wake_at, waiting_for, input, transition,
            transition_input, parent_id, parent_event)
        SELECT n, 'flow', 'default', 'default', true, 'waiting', 1,
            CASE WHEN NOT expires THEN now() + interval '2 days'
                ELSE now() + make_interval(secs => n - 930101 + CASE WHEN n > 930101 THEN 3600 ELSE 0 END) END,
            '{go}', '{}', CASE WHEN expires THEN 'let_go' END, CASE WHEN expires THEN '{}'::jsonb END,
            CASE WHEN n BETWEEN 890001 AND 929000 THEN n - 40000 END,
            CASE WHEN n BETWEEN 890001 AND 929000 THEN 'children:x[0]' END
        FROM generate_series(850001, 945000) n, LATERAL (SELECT n BETWEEN 930001 AND 935000 AS expires) AS e;
        INSERT INTO fan_ins SELECT n, 'children:x', 1 FROM generate_series(850001, 889000) n;
        INSERT INTO orphaned_runs SELECT n, 'its workers died' FROM generate_series(1000001, 1020000) n;
        INSERT INTO timers SELECT wake_at, id FROM jobs WHERE id > 750000 AND transition IS NULL;
        INSERT INTO transition_timers SELECT transition, wake_at, id FROM jobs WHERE transition IS NOT NULL;
        CREATE FUNCTION let_go(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
        LANGUAGE sql AS $$ SELECT g.run, CASE WHEN g.run % 2 = 0 THEN '1'::jsonb END FROM unnest(runs) AS g (run) $$;
        INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch)
        SELECT n, 0, key, 0, '1', 1 FROM generate_series(850001, 945000) n, unnest('{a,b}'::text[]) key;
        INSERT INTO events (job_id, name, payload) SELECT n, 'early', '1' FROM generate_series(850001, 945000) n;
        INSERT INTO run_values SELECT n, 'stage', '"on its way"' FROM generate_series(850001, 945000) n;
        INSERT INTO run_attributes SELECT n, 'number', to_jsonb(n % 1000) FROM generate_series(850001, 945000) n;
        INSERT INTO job_progress SELECT n, 0.5, 'half', now() FROM generate_series(850001, 945000) n;
        INSERT INTO job_logs (job_id, at, attempt, level, message) SELECT n, now(), 1, 'info', 'on its way'
        FROM generate_series(850001, 945000) n;
        INSERT INTO schedules (name, job_name, queue, input, every, next_at)
        SELECT 's' || n, 'x', 'default', '{}', '1 day', now() + make_interval(secs => n - 3)
        FROM generate_series(1, 1000) n;

        """

    private static let limits = """
        INSERT INTO jobs (id, name, home_queue, queue, state, rank, limit_key, input, created_at)
        SELECT n, 'x', 'mail', 'mail', 'queued', n, 'key ' || n % 1000, '{}', now() - interval '2 days'
        FROM generate_series(945001, 995000) n;
        INSERT INTO blocked SELECT 'mail', 'key ' || n % 1000, n, n, 0 FROM generate_series(945001, 995000) n;
        INSERT INTO limit_keys (queue, key) SELECT 'mail', 'key ' || n FROM generate_series(0, 4999) n;
        INSERT INTO key_signals (queue, key) SELECT 'mail', 'key ' || n FROM generate_series(0, 4999) n;
        INSERT INTO jobs (id, name, home_queue, queue, state, rank, limit_key, input)
        SELECT n, 'x', 'mail', 'mail', 'queued', n, 'busy ' || n % 100, '{}' FROM generate_series(999001, 1000000) n;
        INSERT INTO admitted SELECT 'mail', 'busy ' || n % 100, n, n FROM generate_series(999001, 1000000) n;

        """

    private static let claims = """
        INSERT INTO workers (pool, queues, host, process_id, capacity)
        SELECT 'default', '{default,mail}', 'host', n, 100 FROM generate_series(1, 20) n;
        INSERT INTO jobs (id, name, home_queue, queue, state, input, key_until_end, created_at)
        SELECT n, 'x', 'default', 'default', 'queued', '{}', CASE WHEN n % 2 = 0 THEN 'end:' || n END,
            now() - interval '2 days'
        FROM generate_series(995001, 997000) n;
        INSERT INTO job_keys SELECT 'end:' || n, n FROM generate_series(995002, 997000, 2) n;
        INSERT INTO claims (worker_id, queue, is_run, claimed_at, job_ids)
        SELECT CASE WHEN b % 10 = 0 THEN 900 ELSE 1 END, CASE WHEN b > 80 THEN 'mail' ELSE 'default' END,
            b BETWEEN 41 AND 80, now(), ARRAY(SELECT generate_series(994951 + 50 * b, 995000 + 50 * b))
        FROM generate_series(1, 100) b;
        INSERT INTO jobs (id, name, home_queue, queue, is_run, state, epoch, worker_id, input)
        SELECT id, 'flow', 'default', 'default', true, 'running', 1, worker_id, '{}'
        FROM claims, unnest(job_ids) AS id WHERE is_run;

        """

    private static let ended = """
        INSERT INTO jobs (id, name, home_queue, queue, state, failures, error, finished_at, limit_key, input)
        SELECT n, 'x', queue, queue, 'failed', 3, 'no', now(), CASE queue WHEN 'mail' THEN 'key ' || n % 1000 END, '{}'
        FROM generate_series(1000001, 1050000) n,
            LATERAL (SELECT CASE WHEN n % 100 = 0 THEN 'mail' ELSE 'default' END AS queue) q;
        INSERT INTO dead_letters (job_id, name, queue, failed_at)
        SELECT n, 'x', CASE WHEN n % 100 = 0 THEN 'mail' ELSE 'default' END, now() - make_interval(secs => 1050000 - n)
        FROM generate_series(1000001, 1050000) n;
        INSERT INTO jobs (id, name, home_queue, queue, state, input, created_at)
        SELECT n, 'x', 'default', 'default', 'queued', '{}', now() - make_interval(secs => 60 + (1200000 - n) * 0.6)
        FROM generate_series(1050001, 1200000) n;
        INSERT INTO closures (closed_at, batch, worker_id, queue, claimed_at, least_id, greatest_id, job_ids)
        SELECT now() - make_interval(secs => 30 * (2999 - b)), b + 1000, 1, 'default', now(), 1050001 + 50 * b, 1050050 + 50 * b,
            ARRAY(SELECT generate_series(1050001 + 50 * b, 1050050 + 50 * b))
        FROM generate_series(0, 2999) b;

        """
}
