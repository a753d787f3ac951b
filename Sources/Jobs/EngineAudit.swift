internal import Postgres

/// What SQL can see of the promises about jobs: none is lost, and no write came from a claim that was over.
package enum EngineAudit {
    /// Every query returns one text per offender, at most twenty.
    package static let checks: [AuditCheck] = [
        AuditCheck(
            promise: 1,
            name: "every ready job can be claimed",
            query: Query(
                "audit.ready",
                """
                SELECT format('job %s (%s) is ready in queue %s, but in none of its lanes', j.id, j.name, j.queue)
                FROM jobs j JOIN queues q ON q.name = j.queue
                WHERE j.state = 'ready' AND NOT EXISTS (
                    SELECT FROM ready r WHERE r.job_id = j.id AND r.rank = j.rank
                        AND r.lane >= q.first_lane AND r.lane < q.first_lane + 2 * q.lanes)
                ORDER BY j.id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "no queued job was lost between its lane, its claim and its closure",
            query: Query(
                "audit.queued",
                """
                SELECT format('job %s (%s) of queue %s is neither blocked, nor ready, nor held by a worker, nor closed', j.id,
                    j.name, j.queue)
                FROM jobs j
                WHERE j.state = 'queued'
                    AND NOT EXISTS (SELECT FROM ready r WHERE r.job_id = j.id)
                    AND NOT EXISTS (SELECT FROM blocked b WHERE b.job_id = j.id)
                    AND NOT EXISTS (
                        SELECT FROM (SELECT unnest(job_ids) AS id FROM claims WHERE NOT is_run) c WHERE c.id = j.id)
                    AND NOT EXISTS (SELECT FROM (SELECT unnest(job_ids) AS id FROM closures) c WHERE c.id = j.id)
                ORDER BY j.id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "no plain job is in two places at once",
            query: Query(
                "audit.twice",
                """
                SELECT format('job %s is in %s places at once', id, count(*))
                FROM (
                    SELECT job_id AS id FROM ready WHERE NOT is_run
                    UNION ALL SELECT job_id FROM blocked
                    UNION ALL SELECT unnest(job_ids) FROM claims WHERE NOT is_run
                    UNION ALL SELECT unnest(job_ids) FROM closures
                ) AS places
                GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "a key's slots are held by its ready and running jobs, one each",
            query: Query(
                "audit.slots",
                """
                SELECT CASE WHEN a.job_id IS NULL
                    THEN format('job %s of key %s in queue %s is ready or running without a slot', h.id, h.key, h.queue)
                    ELSE format('job %s holds a slot of key %s in queue %s, but is neither ready nor running',
                        a.job_id, a.key, a.queue) END
                FROM admitted a FULL JOIN (
                    SELECT j.queue, j.limit_key AS key, j.id
                    FROM (
                        SELECT job_id AS id FROM ready WHERE NOT is_run
                        UNION ALL SELECT unnest(job_ids) FROM claims WHERE NOT is_run
                    ) AS held JOIN jobs j ON j.id = held.id WHERE j.limit_key IS NOT NULL
                ) AS h ON h.queue = a.queue AND h.key = a.key AND h.id = a.job_id
                WHERE a.job_id IS NULL OR h.id IS NULL LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "no blocked job waits for a key that has room and of which nobody was told",
            query: Query(
                "audit.blocked",
                """
                SELECT format('key %s of queue %s has room for %s of its %s blocked jobs and no signal', k.key, k.queue,
                    least(r.slots, k.jobs), k.jobs)
                FROM (SELECT queue, key, count(*) AS jobs FROM blocked GROUP BY queue, key) AS k
                    CROSS JOIN LATERAL key_room(k.queue, k.key, (SELECT usher_now())) AS r
                WHERE r.slots > 0
                    AND NOT EXISTS (SELECT FROM key_signals s WHERE s.queue = k.queue AND s.key = k.key)
                LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "every job that waits for a time has its timer",
            query: Query(
                "audit.timers",
                """
                SELECT format('job %s (%s) is %s until %s, but no timer will wake it', j.id, j.name, j.state, j.wake_at)
                FROM jobs j
                WHERE j.state IN ('scheduled', 'waiting') AND j.wake_at IS NOT NULL AND NOT EXISTS (
                    SELECT FROM timers t WHERE t.wake_at = j.wake_at AND t.job_id = j.id)
                    AND NOT EXISTS (
                        SELECT FROM transition_timers t
                        WHERE t.function = j.transition AND t.wake_at = j.wake_at AND t.job_id = j.id)
                ORDER BY j.id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "every parked run waits for something that has not come",
            query: Query(
                "audit.waits",
                """
                SELECT CASE WHEN e.name IS NULL
                    THEN format('run %s (%s) waits for nothing', j.id, j.name)
                    ELSE format('run %s (%s) waits for %s, which has come', j.id, j.name, e.name) END
                FROM jobs j LEFT JOIN events e ON e.job_id = j.id AND e.name = ANY (j.waiting_for)
                WHERE j.state = 'waiting' AND NOT j.paused AND (e.name IS NOT NULL
                    OR j.wake_at IS NULL AND coalesce(cardinality(j.waiting_for), 0) = 0)
                ORDER BY j.id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "every running job would be found again if its worker died",
            query: Query(
                "audit.claims",
                """
                SELECT format('job %s (%s) runs in worker %s, which has no claim to it', j.id, j.name, j.worker_id)
                FROM jobs j
                WHERE j.state = 'running' AND NOT EXISTS (
                    SELECT FROM claims c WHERE c.worker_id = j.worker_id AND j.id = ANY (c.job_ids))
                ORDER BY j.id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "no parent waits for a child that has ended",
            query: Query(
                "audit.children",
                """
                SELECT format('run %s waits for its child %s, which is %s', p.id, j.id, j.state)
                FROM jobs p JOIN jobs j ON j.parent_id = p.id AND j.parent_event = ANY (p.waiting_for)
                WHERE p.state = 'waiting' AND j.state IN ('done', 'failed', 'cancelled')
                    AND NOT EXISTS (SELECT FROM orphaned_runs o WHERE o.job_id = j.id)
                ORDER BY p.id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 1,
            name: "every fan-in waits for children that have not ended",
            query: Query(
                "audit.fan_ins",
                """
                SELECT format('run %s waits for %s children of %s, of which only %s have not ended', f.job_id, f.open,
                    f.key, c.alive)
                FROM fan_ins f JOIN jobs p ON p.id = f.job_id AND p.state NOT IN ('done', 'cancelled')
                    CROSS JOIN LATERAL (
                        SELECT count(*) AS alive FROM jobs j
                        WHERE j.parent_id = f.job_id AND starts_with(j.parent_event, f.key || '[')
                            AND (j.state NOT IN ('done', 'failed', 'cancelled')
                                OR EXISTS (SELECT FROM orphaned_runs o WHERE o.job_id = j.id))
                    ) AS c
                WHERE f.open > c.alive ORDER BY f.job_id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 2,
            name: "no checkpoint was written under an epoch that its run never had",
            query: Query(
                "audit.epochs",
                """
                SELECT format('checkpoint %s of run %s carries epoch %s, the run is at %s', c.key, c.job_id, c.epoch,
                    j.epoch)
                FROM checkpoints c JOIN jobs j ON j.id = c.job_id
                WHERE c.epoch > j.epoch OR c.epoch < 1 ORDER BY c.job_id LIMIT 20
                """
            )
        ),
        AuditCheck(
            promise: 2,
            name: "nothing was written to a run after its end",
            query: Query(
                "audit.afterlife",
                """
                SELECT format('run %s (%s) is %s, and still has an end to come: finished_at is %s', j.id, j.name,
                    j.state, coalesce(j.finished_at::text, 'empty'))
                FROM jobs j
                WHERE (j.state IN ('done', 'failed', 'cancelled', 'expired')) <> (j.finished_at IS NOT NULL)
                ORDER BY j.id LIMIT 20
                """
            )
        ),
    ]
}
