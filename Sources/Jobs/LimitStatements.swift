package import Postgres

/// The statements that limit queues and keys, and move blocked jobs to their lanes.
package enum LimitStatements {
    /// The channel's name is this and the schema's name; the payload is a queue whose row has changed.
    package static let channelPrefix = "usher_queues_"

    // MARK: Blocked jobs

    /// Puts newly made jobs with keys behind their keys, and signals those.
    ///
    /// Primary key of `jobs`. Those that wait for their time only mark their queue.
    static func block(_ ids: [JobID]) -> Query {
        Query(
            "jobs_block",
            """
            WITH made AS MATERIALIZED (
                SELECT id, queue, limit_key, rank, priority, state FROM jobs
                WHERE id = ANY(\(ids.map(\.rawValue))) AND limit_key IS NOT NULL
            ), lined AS (
                INSERT INTO blocked (queue, key, rank, job_id, priority)
                SELECT queue, limit_key, rank, id, priority FROM made WHERE state = 'queued'
            ), told AS (
                INSERT INTO key_signals (queue, key)
                SELECT DISTINCT queue, limit_key FROM made WHERE state = 'queued'
            )
            SELECT mark_keyed(ARRAY(SELECT DISTINCT m.queue FROM made m JOIN queues q ON q.name = m.queue
                WHERE NOT q.is_keyed ORDER BY m.queue))
            """
        )
    }

    /// Statements for a WITH that give back the slots of jobs and signal their keys, in the transaction of their end.
    ///
    /// Primary keys of `jobs` and `admitted`. A slot that is not there any more is not given back again.
    ///
    /// - Parameter ended: a query whose one column has the jobs' numbers.
    /// - Returns: two parts of a WITH.
    package static func freeing(_ ended: SQL) -> SQL {
        """
        slots_freed AS (
            DELETE FROM admitted a
            USING (
                SELECT j.id, j.queue, j.limit_key FROM jobs j
                WHERE j.id = ANY (ARRAY(\(fragment: ended))) AND j.limit_key IS NOT NULL
            ) AS k
            WHERE a.queue = k.queue AND a.key = k.limit_key AND a.job_id = k.id
            RETURNING a.queue, a.key
        ), keys_told AS (
            INSERT INTO key_signals (queue, key) SELECT DISTINCT queue, key FROM slots_freed
        )
        """
    }

    /// Statements for a WITH that put jobs behind their keys, and signal those.
    ///
    /// - Parameter woken: the name of a part with rows of (id, queue, limit_key, rank, priority); those without a key
    ///   don't count.
    /// - Returns: two parts of a WITH.
    static func blocking(_ woken: SQL) -> SQL {
        """
        blocked_again AS (
            INSERT INTO blocked (queue, key, rank, job_id, priority)
            SELECT queue, limit_key, rank, id, priority FROM \(fragment: woken) WHERE limit_key IS NOT NULL
        ), blocked_told AS (
            INSERT INTO key_signals (queue, key)
            SELECT DISTINCT queue, limit_key FROM \(fragment: woken) WHERE limit_key IS NOT NULL
        )
        """
    }

    /// A statement for a WITH that signals the keys of claimed jobs where the queue has a fair window, because a job that
    /// leaves its lane makes room under it.
    ///
    /// Primary key of `queue_limits`.
    ///
    /// - Parameters:
    ///   - claimed: the name of a part with rows of (limit_key); those without a key don't count.
    ///   - queue: the queue they are claimed from.
    /// - Returns: one part of a WITH.
    static func passing(_ claimed: SQL, queue: String) -> SQL {
        """
        keys_passed AS (
            INSERT INTO key_signals (queue, key)
            SELECT DISTINCT \(queue), limit_key FROM \(fragment: claimed)
            WHERE limit_key IS NOT NULL
                AND (SELECT fair_window FROM queue_limits WHERE queue = \(queue)) IS NOT NULL
        )
        """
    }

    /// Moves jobs of signalled keys to their lanes, as many as there is room for.
    ///
    /// Primary keys of `key_signals`, `limit_keys`, `admitted` and `blocked`. A transaction of its own: see the function.
    /// Returns signals taken and jobs moved.
    package static func dispatch(queue: String, most: Int) -> Query {
        Query(
            "jobs_dispatch",
            "SELECT signals, moved FROM dispatch_blocked(\(queue), \(Int32(clamping: most)))"
        )
    }

    /// Signals keys that have blocked jobs, room, and no signal, from one key on.
    ///
    /// Walks the primary key of `blocked` from key to key. Returns the key it stopped at, nulls at the end, and the
    /// queues it signalled.
    package static func sweep(after place: (queue: String, key: String), most: Int) -> Query {
        Query(
            "jobs_sweep_blocked",
            """
            SELECT last_queue, last_key, signalled
            FROM sweep_blocked(\(place.queue), \(place.key), \(Int32(clamping: most)))
            """
        )
    }

    /// Drops rows of keys that tell nothing any more.
    package static func forgetKeys(most: Int) -> Query {
        Query("limit_keys_forget", "SELECT forget_keys(\(Int32(clamping: most)))")
    }

    // MARK: Limits

    static func markKeyed(_ queues: [String]) -> Query {
        Query("queues_mark_keyed", "SELECT mark_keyed(\(queues))")
    }

    static func flag(queue: String, isLimited: Bool?) -> Query {
        Query(
            "queues_flag",
            "UPDATE queues SET is_limited = coalesce(\(isLimited), is_limited) WHERE name = \(queue)"
        )
    }

    static func set(_ limits: QueueLimits, queue: String) -> Query {
        let key = limits.perKey
        return Query(
            "queue_limits_set",
            """
            INSERT INTO queue_limits AS l (
                queue, max_running, rate, burst, key_max_running, key_rate, key_burst, fair_window
            )
            VALUES (
                \(queue), \(limits.maxRunning)::integer, \(limits.rate?.perSecond),
                \(limits.rate?.burst)::integer, \(key.maxRunning)::integer, \(key.rate?.perSecond),
                \(key.rate?.burst)::integer, \(limits.fairWindow)::integer
            )
            ON CONFLICT (queue) DO UPDATE SET
                max_running = excluded.max_running, rate = excluded.rate, burst = excluded.burst,
                key_max_running = excluded.key_max_running, key_rate = excluded.key_rate,
                key_burst = excluded.key_burst, fair_window = excluded.fair_window
            """
        )
    }

    static func get(queue: String) -> Query {
        Query(
            "queue_limits_get",
            """
            SELECT max_running, rate, burst, key_max_running, key_rate, key_burst, fair_window
            FROM queue_limits WHERE queue = \(queue)
            """
        )
    }

    static func set(_ limit: KeyLimit?, queue: String, key: String) -> Query {
        Query(
            "limit_keys_set",
            """
            WITH told AS (
                INSERT INTO key_signals (queue, key) VALUES (\(queue), \(key))
            )
            INSERT INTO limit_keys (queue, key, is_own, max_running, rate, burst)
            VALUES (
                \(queue), \(key), \(limit != nil), \(limit?.maxRunning)::integer, \(limit?.rate?.perSecond),
                \(limit?.rate?.burst)::integer
            )
            ON CONFLICT (queue, key) DO UPDATE SET
                is_own = excluded.is_own, max_running = excluded.max_running, rate = excluded.rate,
                burst = excluded.burst, signal_at = NULL
            """
        )
    }

    /// Signals every key of a queue that has blocked jobs and, as the limits are now, room.
    static func signalAll(queue: String) -> Query {
        Query(
            "jobs_signal_all",
            "SELECT signalled FROM sweep_blocked(\(queue), '', 10000000)"
        )
    }

    // MARK: Telling workers

    /// Returns whether the queue changed; no row if there is none of that name.
    static func pause(queue: String, _ isPaused: Bool) -> Query {
        Query(
            "queues_pause",
            """
            UPDATE queues q SET paused = \(isPaused)
            FROM (SELECT name, paused FROM queues WHERE name = \(queue) FOR UPDATE) AS before
            WHERE q.name = before.name RETURNING before.paused <> \(isPaused)
            """
        )
    }

    static func tellWorkers(of queue: String) -> Query {
        Query("queues_notify", "SELECT pg_notify(\(channelPrefix) || current_schema(), \(queue))")
    }
}
