import TestSupport

/// What each statement may do on a ``SeededBacklog``, for twenty jobs unless something else is said.
///
/// A job that is found and then changed is looked at twice.
enum JobPlans {
    static let all =
        producers + workers + runs + operatedRuns + limits + cancellations + batches + deadLetters + operators
        + scheduler

    /// What functions may read of catalogs, when other tests' changes of schemas have emptied what the server kept.
    ///
    /// An index of a million rows read whole is 2,700 pages at least.
    private static let catalogs = 2000

    private static func plan(
        _ name: String,
        _ indexes: [String],
        rows: Int = 40,
        whole: Set<String> = [],
        pages: Int = 400
    ) -> StatementPlan {
        StatementPlan(
            name,
            indexes,
            rows: rows,
            whole: whole,
            pages: pages == .max ? pages : pages + catalogs
        )
    }

    private static let producers = [
        plan("jobs_enqueue plain", ["queues_pkey"], rows: 0),
        plan("jobs_enqueue keyed", ["queues_pkey", "job_keys_pkey"], rows: 20),
        plan("jobs_enqueue limited", ["queues_pkey"], rows: 0),
        plan("jobs_enqueue batched", ["queues_pkey"], rows: 0),
        plan("jobs_block limited", ["jobs_pkey"], rows: 20),
        plan("jobs_enqueue_running", ["queues_pkey"], rows: 0),
        plan("jobs_replace", ["jobs_pkey", "ready_pkey", "blocked_pkey"], pages: 1000),
        plan("job_ids_reserve", [], rows: 0),
        plan("queues_learn", ["queues_pkey"], rows: 0),
        plan("jobs_run_now", ["jobs_pkey", "timers_pkey"], rows: 2),
    ]

    private static let workers = [
        plan("jobs_claim plain", ["ready_pkey", "jobs_pkey", "job_keys_pkey"]),
        plan("jobs_claim from a floor", ["ready_pkey", "jobs_pkey", "job_keys_pkey"]),
        plan("jobs_claim runs", ["ready_pkey", "jobs_pkey"]),
        // One row of each leaf.
        plan("ready_look", ["ready_pkey"], rows: 8),
        // One more to see whether there is anything.
        plan("jobs_claim limited", ["ready_pkey", "jobs_pkey", "queue_limits_pkey"], rows: 41),
        plan("claims_close", ["claims_pkey"], rows: 0),
        plan("claims_hold", ["claims_pkey"], rows: 0),
        // Fifty at most, each looked at for its end, for what it owes, and for its slot.
        plan(
            "claims_settle",
            ["claims_pkey", "jobs_pkey", "job_keys_pkey", "admitted_pkey"],
            rows: 150,
            pages: 1500
        ),
        plan("claims_forget", ["claims_pkey"], rows: 0),
        plan("claims_unknown", [], rows: 0),
        plan("claims_abandon", ["claims_pkey"], rows: 0),
        // Eleven claims of fifty.
        plan(
            "claims_rescue_orphans",
            ["workers_pkey", "claims_pkey", "jobs_pkey", "job_keys_pkey"],
            rows: 1100,
            pages: 11_000
        ),
        plan("runs_release", ["jobs_pkey"]),
        plan("job_progress_keep", [], rows: 0),
        plan("job_logs_keep", [], rows: 0),
    ]

    private static let runs = [
        plan("jobs_lock", ["jobs_pkey"]),
        plan("jobs_finish", ["jobs_pkey"]),
        plan("events_deliver", ["jobs_pkey"], rows: 60, pages: 600),
        plan("runs_cancel", ["jobs_pkey"]),
        plan("runs_clean_up", ["jobs_pkey"]),
        plan("children_tell", ["jobs_pkey", "fan_ins_pkey"], rows: 80, pages: 1000),
        plan("fan_ins_open", [], rows: 0),
        // All events of the parents, which are three each here.
        plan("fan_ins_close", ["fan_ins_pkey", "events_pkey"], rows: 60),
        plan("runs_orphan", ["jobs_pkey", "jobs_parent_id_idx", "fan_ins_pkey"], pages: 600),
        plan("orphaned_runs_ask", [], rows: 0),
        plan("orphaned_runs_next", ["orphaned_runs_pkey"], rows: 20),
        plan("orphaned_runs_forget", ["orphaned_runs_pkey"], rows: 20),
        plan("runs_crashed", ["jobs_pkey", "dead_letters_pkey"]),
    ]

    private static let operatedRuns = [
        plan("runs_pause", ["jobs_pkey", "ready_pkey", "timers_pkey"], pages: 800),
        plan("runs_resume", ["jobs_pkey", "ready_pkey"], pages: 800),
        plan(
            "runs_fork",
            ["jobs_pkey", "checkpoints_pkey", "events_pkey", "run_values_pkey", "run_attributes_pkey"],
            rows: 4
        ),
        plan("job_keys_hold", ["job_keys_pkey"], rows: 1),
        plan("job_keys_drop", ["job_keys_pkey", "jobs_pkey"], rows: 2),
        plan("view_run", ["jobs_pkey"], rows: 1),
        plan("view_run_steps", ["jobs_pkey", "checkpoints_pkey"], rows: 2),
        plan("view_run_events", ["events_pkey"], rows: 1),
        plan("view_run_values", ["run_values_pkey"], rows: 1),
        plan("view_run_value", ["run_values_pkey"], rows: 1),
        plan("view_run_attributes", ["run_attributes_pkey"], rows: 1),
        plan("view_run_children", ["jobs_parent_id_idx"], rows: 20),
        // One window of jobs.
        plan("view_runs", ["jobs_pkey"], rows: 5000, pages: 6000),
        plan("view_runs by key", ["job_keys_pkey", "jobs_pkey"], rows: 3),
        plan("view_runs by parent", ["jobs_parent_id_idx", "jobs_pkey"]),
        // Each that is found is looked up, and its attribute once more.
        plan(
            "view_runs by attribute",
            ["run_attributes_name_value_job_id_idx", "jobs_pkey"],
            rows: 200,
            pages: 1200
        ),
        plan("view_runs failed", ["dead_letters_pkey", "jobs_pkey"], rows: 2001, pages: 8000),
        plan("view_runs paused", ["jobs_id_idx", "jobs_pkey"]),
        // All that is held.
        plan("view_runs running", ["jobs_pkey"], rows: 2000, pages: 12_000),
    ]

    private static let limits = [
        // Twenty keys with fifty-one jobs each, of which twenty go.
        plan(
            "jobs_dispatch",
            ["key_signals_pkey", "limit_keys_pkey", "blocked_pkey"],
            rows: 800,
            pages: 8000
        ),
        // Twenty keys; the pending signals of the queue are gone through once.
        plan("jobs_sweep_blocked", ["blocked_pkey", "limit_keys_pkey"], rows: 5200),
        // Goes from key to key on purpose: the limits of all have changed.
        plan("jobs_signal_all", ["blocked_pkey", "limit_keys_pkey"], rows: 5200, pages: .max),
        // Once in a round of maintenance: all rows of keys, and one slot or blocked job of each.
        plan(
            "limit_keys_forget",
            ["limit_keys_pkey", "blocked_pkey"],
            rows: 5000,
            whole: ["limit_keys"],
            pages: .max
        ),
        plan("limit_keys_set", [], rows: 0),
    ]

    private static let cancellations = [
        plan("jobs_to_cancel", ["jobs_pkey"], rows: 20),
        plan(
            "jobs_cancel",
            ["jobs_pkey", "ready_pkey", "timers_pkey", "blocked_pkey"],
            rows: 20,
            pages: 800
        ),
        plan("jobs_cancelled", ["jobs_pkey", "job_keys_pkey", "admitted_pkey"], rows: 80),
        plan("cancellations_ask", [], rows: 0),
        plan("cancellations_all", [], rows: 0),
        // Sixty jobs were asked to end.
        plan("cancellations_to_sweep", ["jobs_pkey"], rows: 60),
        plan("jobs_cancel_again", ["jobs_pkey", "ready_pkey", "claims_pkey"], rows: 60, pages: 2500),
        plan("jobs_parents", ["jobs_pkey"], rows: 20),
        plan("cancellations_forget", ["jobs_pkey"], rows: 60, pages: 600),
    ]

    private static let batches = [
        plan("batches_open batched", [], rows: 0),
        plan("batches_enter batched", ["job_batches_pkey"], rows: 1),
        plan("batches_lock", ["job_batches_pkey"], rows: 1),
        plan("batches_seal", ["job_batches_pkey"], rows: 1),
        plan("batches_seal_tally", [], rows: 0),
        // Tallies that nobody has folded yet, which are those of a second or two.
        plan("batches_report", ["job_batches_pkey"], rows: 21_000, whole: ["batch_tallies"]),
        plan("batches_sum", ["batch_tallies_pkey", "job_batches_pkey"], rows: 41),
        plan("batches_due", ["job_batches_pkey"], rows: 20),
        plan("batches_fired", ["job_batches_pkey"], rows: 20),
        plan("batches_forget", ["job_batches_by_end"], rows: 0),
    ]

    private static let deadLetters = [
        plan("dead_letters_redrive some", ["dead_letters_pkey", "jobs_pkey"], rows: 41),
        plan("dead_letters_redrive one", ["dead_letters_pkey", "jobs_pkey"], rows: 2),
        plan("dead_letters_redrive of a queue", ["dead_letters_by_queue", "jobs_pkey"]),
        // A thousand at a time.
        plan("dead_letters_redrive all", ["dead_letters_pkey", "jobs_pkey"], rows: 2001, pages: 20_000),
        plan("dead_letters_page of a queue", ["dead_letters_by_queue", "jobs_pkey"]),
        plan("dead_letters_page all", ["dead_letters_pkey", "jobs_pkey"]),
    ]

    private static let operators =
        [
            // Fifteen of those that are looked at have ended or not, which is told by where their numbers are.
            plan("jobs_get", ["jobs_pkey", "ready_pkey", "closures_pkey", "blocked_pkey"], rows: 5),
            plan("view_job", ["jobs_pkey", "checkpoints_pkey", "events_pkey", "job_logs_pkey"], rows: 5),
            // Up to 10,001 of `blocked` and of `dead_letters`.
            plan(
                "view_queues",
                ["ready_pkey", "jobs_pkey", "blocked_pkey", "dead_letters_by_queue"],
                rows: 10_001,
                pages: 12_000
            ),
            plan(
                "view_ended",
                ["closures_pkey", "dead_letters_by_age", "jobs_pkey"],
                rows: 1020,
                pages: 6000
            ),
            plan("job_progress_get", ["job_progress_pkey"], rows: 1),
            plan("job_logs_get", ["job_logs_pkey"], rows: 2),
        ]
        + ["", " in default"].flatMap { queue in
            [
                plan("view_jobs\(queue.isEmpty ? "" : " default")", ["jobs_pkey"], rows: 20),
                plan("view_jobs ready\(queue)", ["jobs_pkey", "ready_pkey"], rows: 30, pages: 600),
                // All that is held is sorted: three thousand jobs.
                plan("view_jobs running\(queue)", ["jobs_pkey"], rows: 5000, pages: 25_000),
                plan("view_jobs failed\(queue)", ["jobs_pkey", "dead_letters_by_age"]),
                // Walks back from the newest until it has found twenty.
                plan("view_jobs done\(queue)", ["jobs_pkey", "closures_pkey"], rows: 2000, pages: 10_000),
            ]
        }

    private static let scheduler = [
        plan("jobs_promote_due", ["timers_pkey", "jobs_pkey"], rows: 41),
        // One function, and the end of the index behind it.
        plan("transitions_due", ["transition_timers_pkey"], rows: 3),
        plan("transitions_expiring", ["transition_timers_pkey"], rows: 20),
        // Each looked at for its parent and for its lock.
        plan("transitions_lock", ["transition_timers_pkey", "jobs_pkey"], rows: 60, pages: 600),
        plan("transitions_finish", ["jobs_pkey"], rows: 20),
        // A hundred timers are overdue, and none is without its job.
        plan("timers_drop_orphans", ["timers_pkey", "jobs_pkey"], rows: 250, pages: 1500),
        plan("lanes_rotate", [], rows: 4),
        // Once in a round of maintenance: all fan-outs that are under way, and the parent of each.
        plan("fan_ins_forget", ["jobs_pkey"], rows: 40_000, whole: ["fan_ins"], pages: .max),
    ]

    /// Statements of other modules that are planned here.
    static let elsewhere: Set<String> = ["lanes_rotate"]

    /// Statements that need no plan, each with its reason.
    static let excused: [String: String] = [
        ("the application's function decides what it reads", ["transitions_call"]),
        ("COPY reads nothing", ["jobs_copy", "ready_copy", "timers_copy"]),
        (
            "reads no table",
            ["batches_alone", "current_schema", "jobs_number", "queues_notify", "ready_notify", "usher_now"]
        ),
        (
            "its table has a row per queue",
            [
                "queue_limits_get", "queue_limits_set", "queues_change", "queues_ensure", "queues_flag",
                "queues_lanes",
                "queues_mark_keyed", "queues_pause",
            ]
        ),
        (
            "its table has a row per process",
            [
                "leases_campaign", "leases_resign", "view_workers", "workers_bury_dead", "workers_deregister",
                "workers_heartbeat", "workers_register",
            ]
        ),
        (
            "its table has a row per schedule, made by hand",
            [
                "schedules_due", "schedules_fire", "schedules_move", "schedules_pause", "schedules_remove",
                "schedules_save", "view_schedules",
            ]
        ),
        (
            "reads the catalog and what the server has in memory",
            ["view_locks", "view_replicas", "view_retainers", "view_snapshots", "view_tables"]
        ),
        (
            "runs once per version",
            [
                "migrate.checksums", "migrate.exists", "migrate.lock", "migrate.path", "migrate.record",
                "migrate.records", "migrate.schema", "migrate.table", "migrate.look",
            ]
        ),
        (
            "checks everything on purpose, and may take its time",
            [
                "audit.afterlife", "audit.blocked", "audit.children", "audit.claims", "audit.epochs",
                "audit.fan_ins",
                "audit.queued",
                "audit.ready", "audit.slots", "audit.timers", "audit.twice", "audit.waits",
            ]
        ),
    ].reduce(into: [:]) { excused, group in for name in group.1 { excused[name] = group.0 } }
}
