internal import HTTP
internal import Jobs

extension Schema {
    /// What operators see, beside what stands with the others.
    static let operatorSchemas: [(name: String, schema: Schema)] = [
        ("QueueList", object([("queues", .list(.object(queue)))])),
        ("Run", object(run)),
        ("RunList", object([("runs", .list(.reference("Run"))), ("next", .nullable(.string))])),
        ("RunHistory", object(history)),
        ("Fork", object([("from", .text(1000))])),
        ("ForkedRun", object([("id", .string)])),
        ("JobStanding", object([("id", .string), ("state", .string)])),
        ("JobList", object([("jobs", .list(.object(job))), ("next", .nullable(.string))])),
        (
            "JobRow",
            free("The job's row, `standing`, `steps`, `events`, `progress`, `log` and `dead_letter`.")
        ),
        (
            "DeadLetterList",
            object([("dead_letters", .list(.object(deadLetter))), ("next", .nullable(.string))])
        ),
        ("BulkOrder", object(BulkOrders.members)),
        (
            "CountedBulkOrder",
            object(BulkOrders.members + [("token", .text(200)), ("count", .within(0...10_000))])
        ),
        ("BulkCount", object([("count", .integer), ("more", .boolean), ("token", .string)])),
        ("BulkOutcome", object([("matched", .integer), ("changed", .integer)])),
        ("ScheduleList", object([("schedules", .list(.object(schedule)))])),
        ("TableList", object([("tables", .list(.object(table)))])),
        (
            "SnapshotList",
            object([("sessions", .list(.object(session))), ("retainers", .list(.object(retainer)))])
        ),
        ("LockList", object([("waiting", .list(.object(waiting)))])),
        ("ReplicaList", object([("replicas", .list(.object(replica)))])),
        ("LightList", object([("lights", .list(.object(light)))])),
        ("ActionList", object([("actions", .list(.object(action))), ("next", .nullable(.string))])),
    ]

    private static let queue: Members = [
        ("name", .string), ("lanes", .integer), ("paused", .boolean), ("ready", .integer), ("held", .integer),
        ("blocked", .integer), ("blocked_is_estimate", .boolean), ("oldest_seconds", .nullable(.number)),
        ("done_last_minute", .integer), ("failed_last_minute", .integer), ("dead_letters", .integer),
        ("dead_letters_is_estimate", .boolean),
    ]

    private static let run: Members = [
        ("id", .string), ("workflow", .string), ("queue", .string),
        ("state", .oneOf(RunState.allCases.map(\.rawValue))), ("paused", .boolean), ("claims", .integer),
        ("generation", .integer), ("failures", .integer), ("version", .nullable(.integer)),
        ("parent", .nullable(.string)), ("wakes_at", .nullable(.instant)), ("waits_for", .list(.string)),
        ("error", .nullable(.string)), ("created_at", .instant), ("finished_at", .nullable(.instant)),
    ]

    private static let history: Members = [
        ("run", .reference("Run")), ("begins_at", .instant), ("input", .string),
        ("output", .nullable(.string)),
        ("timeline", .list(.object(mark))),
        ("values", .list(.object([("name", .string), ("value", .string), ("at", .instant)]))),
        ("attributes", .list(.object([("name", .string), ("value", .string)]))),
        ("children", .list(.reference("Run"))),
    ]

    private static let mark: Members = [
        ("label", .string),
        (
            "kind",
            .oneOf([
                "result", "error", "wait", "retry", "child", "marker", "interrupted", "unwinding", "event",
            ])
        ),
        ("since", .nullable(.instant)), ("at", .instant), ("claim", .nullable(.integer)),
        ("failed_attempts", .nullable(.integer)), ("failed", .boolean), ("error", .nullable(.string)),
        ("value", .string), ("runs", .list(.string)),
    ]

    private static let job: Members = [
        ("id", .integer), ("name", .string), ("queue", .string),
        ("state", .oneOf(RunParameters.jobStates.map(\.rawValue))), ("priority", .integer),
        ("failures", .integer),
        ("created_at", .instant), ("wake_at", .nullable(.instant)), ("finished_at", .nullable(.instant)),
        ("error", .nullable(.string)),
    ]

    private static let deadLetter: Members = [
        ("id", .string), ("name", .string), ("queue", .string),
        ("kind", .oneOf(DeadLetter.Kind.allCases.map(\.rawValue))), ("reason", .string),
        ("failures", .integer),
        ("failed_at", .instant),
    ]

    private static let schedule: Members = [
        ("name", .string), ("job", .string), ("is_run", .boolean), ("queue", .string),
        ("every_seconds", .nullable(.integer)), ("cron", .nullable(.string)), ("time_zone", .string),
        ("missed", .string), ("may_overlap", .boolean), ("paused", .boolean), ("next_at", .instant),
        ("due_seconds", .number),
    ]

    private static let part: Members = [
        ("name", .string), ("bounds", .nullable(.string)), ("rows", .integer), ("dead_rows", .integer),
        ("bytes", .integer),
    ]

    private static let table: Members = [
        ("name", .string), ("parts", .integer), ("rows", .integer), ("dead_rows", .integer),
        ("bytes", .integer), ("vacuumed_at", .nullable(.instant)), ("partitions", .list(.object(part))),
    ]

    private static let session: Members = [
        ("pid", .integer), ("application", .nullable(.string)), ("user", .nullable(.string)),
        ("database", .nullable(.string)), ("client", .nullable(.string)), ("kind", .nullable(.string)),
        ("state", .nullable(.string)), ("age", .nullable(.integer)), ("seconds", .nullable(.number)),
        ("query_seconds", .nullable(.number)), ("waits_for", .nullable(.string)),
        ("query", .nullable(.string)),
    ]

    private static let retainer: Members = [
        ("kind", .oneOf(["slot", "prepared", "replica"])), ("name", .string), ("active", .nullable(.boolean)),
        ("age", .nullable(.integer)), ("seconds", .nullable(.number)), ("bytes", .nullable(.integer)),
    ]

    private static let blocker: Members = [
        ("pid", .integer), ("application", .nullable(.string)), ("user", .nullable(.string)),
        ("state", .nullable(.string)), ("seconds", .nullable(.number)), ("query", .nullable(.string)),
    ]

    private static let waiting: Members = [
        ("pid", .integer), ("application", .nullable(.string)), ("user", .nullable(.string)),
        ("seconds", .nullable(.number)), ("kind", .string), ("mode", .string),
        ("relation", .nullable(.string)), ("query", .nullable(.string)),
        ("blockers", .list(.object(blocker))),
    ]

    private static let replica: Members = [
        ("name", .nullable(.string)), ("client", .nullable(.string)), ("state", .nullable(.string)),
        ("sync", .nullable(.string)), ("bytes_behind", .nullable(.integer)),
        ("write_seconds", .nullable(.number)), ("flush_seconds", .nullable(.number)),
        ("replay_seconds", .nullable(.number)),
    ]

    private static let light: Members = [
        ("promise", .integer), ("name", .string), ("state", .oneOf(["kept", "broken", "unknown"])),
        ("looked_at", .nullable(.instant)), ("took_ms", .nullable(.integer)), ("count", .integer),
        ("offenders", .list(.string)), ("problem", .nullable(.string)),
    ]

    private static let action: Members = [
        ("ordinal", .integer), ("at", .instant), ("actor", .string), ("action", .string),
        ("detail", .free("What it was done to.")),
    ]
}
