package import Postgres

/// What operators see of the database server: who keeps old rows alive, who waits for whom, how far replicas are behind,
/// and how large the tables are.
///
/// All of it is in memory or in the catalog; no statement reads a table of ours. Each row is one JSON object. Of other
/// users' sessions a server tells only to members of `pg_read_all_stats`.
package enum ServerView {
    /// The sessions that keep the oldest snapshots: what died after those began can't be removed.
    ///
    /// Those of other databases are left out: they keep none of our rows. The age is in transactions; the time is since the session's transaction began.
    package static func snapshots() -> Query {
        Query(
            "view_snapshots",
            """
            SELECT to_jsonb(v) FROM (
                SELECT a.pid, a.application_name AS application, a.usename AS "user", a.datname AS database,
                    host(a.client_addr) AS client, a.backend_type AS kind, a.state,
                    greatest(age(a.backend_xmin), age(a.backend_xid)) AS age,
                    round(extract(epoch FROM clock_timestamp() - a.xact_start), 1) AS seconds,
                    round(extract(epoch FROM clock_timestamp() - a.query_start), 1) AS query_seconds,
                    nullif(concat_ws(': ', a.wait_event_type, a.wait_event), '') AS waits_for,
                    left(a.query, 300) AS query
                FROM pg_stat_activity a
                WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.pid <> pg_backend_pid()
                    AND (a.datname = current_database() OR a.datname IS NULL)
                ORDER BY 8 DESC, a.xact_start NULLS LAST LIMIT 20
            ) AS v
            """
        )
    }

    /// What else keeps old rows alive: replication slots, prepared transactions, and replicas that send feedback.
    package static func retainers() -> Query {
        Query(
            "view_retainers",
            """
            SELECT to_jsonb(v) FROM (
                SELECT 'slot' AS kind, s.slot_name::text AS name, s.active,
                    greatest(age(s.xmin), age(s.catalog_xmin)) AS age, NULL::numeric AS seconds,
                    CASE WHEN NOT pg_is_in_recovery()
                        THEN pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint END AS bytes
                FROM pg_replication_slots s
                UNION ALL
                SELECT 'prepared', p.gid, NULL, age(p.transaction),
                    round(extract(epoch FROM clock_timestamp() - p.prepared), 1), NULL
                FROM pg_prepared_xacts p
                UNION ALL
                SELECT 'replica', coalesce(nullif(r.application_name, ''), 'pid ' || r.pid), true, age(r.backend_xmin),
                    NULL, NULL
                FROM pg_stat_replication r WHERE r.backend_xmin IS NOT NULL
                ORDER BY 4 DESC NULLS LAST LIMIT 50
            ) AS v
            """
        )
    }

    /// Sessions that wait for a lock, each with those who are in its way.
    package static func locks() -> Query {
        Query(
            "view_locks",
            """
            SELECT to_jsonb(v) FROM (
                SELECT a.pid, a.application_name AS application, a.usename AS "user",
                    round(extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, a.query_start)), 1) AS seconds,
                    l.locktype AS kind, l.mode,
                    CASE WHEN l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        THEN l.relation::regclass::text END AS relation,
                    left(a.query, 300) AS query,
                    (SELECT coalesce(jsonb_agg(jsonb_build_object('pid', b.pid, 'application', o.application_name,
                            'user', o.usename, 'state', o.state,
                            'seconds', round(extract(epoch FROM clock_timestamp() - o.xact_start), 1),
                            'query', left(o.query, 300))), '[]')
                        FROM unnest(pg_blocking_pids(a.pid)) AS b (pid) LEFT JOIN pg_stat_activity o ON o.pid = b.pid
                    ) AS blockers
                FROM (
                    SELECT DISTINCT ON (pid) * FROM pg_locks WHERE NOT granted ORDER BY pid, waitstart
                ) AS l JOIN pg_stat_activity a ON a.pid = l.pid
                ORDER BY 4 DESC NULLS LAST LIMIT 50
            ) AS v
            """
        )
    }

    /// The replicas that stream from this server, and how far each is behind.
    package static func replicas() -> Query {
        Query(
            "view_replicas",
            """
            SELECT to_jsonb(v) FROM (
                SELECT r.application_name AS name, host(r.client_addr) AS client, r.state, r.sync_state AS sync,
                    CASE WHEN NOT pg_is_in_recovery()
                        THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::bigint END AS bytes_behind,
                    round(extract(epoch FROM r.write_lag), 3) AS write_seconds,
                    round(extract(epoch FROM r.flush_lag), 3) AS flush_seconds,
                    round(extract(epoch FROM r.replay_lag), 3) AS replay_seconds
                FROM pg_stat_replication r ORDER BY 5 DESC NULLS LAST LIMIT 50
            ) AS v
            """
        )
    }

    /// The tables of the schema with what they hold and how large they are; parts of one table under its name.
    ///
    /// A table that somebody is about to drop is waited for as long as the transaction allows.
    package static func tables() -> Query {
        Query(
            "view_tables",
            """
            SELECT to_jsonb(v) FROM (
                SELECT coalesce(p.relname, c.relname) AS name, count(*) AS parts, sum(s.live)::bigint AS rows,
                    sum(s.dead)::bigint AS dead_rows, sum(s.bytes)::bigint AS bytes,
                    max(coalesce(s.vacuumed, s.autovacuumed)) AS vacuumed_at,
                    CASE WHEN p.oid IS NOT NULL THEN jsonb_agg(jsonb_build_object('name', c.relname,
                        'bounds', pg_get_expr(c.relpartbound, c.oid), 'rows', s.live, 'dead_rows', s.dead,
                        'bytes', s.bytes) ORDER BY s.bytes DESC, c.relname) ELSE '[]' END AS partitions
                FROM pg_class c
                LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
                LEFT JOIN pg_class p ON p.oid = i.inhparent
                CROSS JOIN LATERAL (
                    SELECT pg_stat_get_live_tuples(c.oid) AS live, pg_stat_get_dead_tuples(c.oid) AS dead,
                        coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
                        pg_stat_get_last_vacuum_time(c.oid) AS vacuumed,
                        pg_stat_get_last_autovacuum_time(c.oid) AS autovacuumed OFFSET 0
                ) AS s
                WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))
                GROUP BY p.oid, 1 ORDER BY 5 DESC, 1
            ) AS v
            """
        )
    }

    /// The recurring jobs, by name.
    package static func schedules() -> Query {
        Query(
            "view_schedules",
            """
            SELECT to_jsonb(v) FROM (
                SELECT name, job_name AS job, is_run, queue, extract(epoch FROM every)::bigint AS every_seconds, cron,
                    time_zone, missed, may_overlap, paused, next_at,
                    round(extract(epoch FROM next_at - (SELECT usher_now()))) AS due_seconds
                FROM schedules ORDER BY name
            ) AS v
            """
        )
    }
}
