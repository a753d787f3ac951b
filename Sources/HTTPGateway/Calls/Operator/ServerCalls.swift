internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Telemetry

extension Operation {
    /// What operators see of the server and of what goes by itself.
    static let serverCalls: [Operation] = [
        Operation(
            "listSchedules",
            .get,
            "/v1/operator/schedules",
            .operator,
            "Recurring jobs, and when each comes next.",
            success: (200, "ScheduleList")
        ) { services, _, _ in
            try OperatorJSON.lists(["schedules": try await services.postgres.query(ServerView.schedules())])
        },
        Operation(
            "pauseSchedule",
            .post,
            "/v1/operator/schedules/{name}/pause",
            .operator,
            "Holds a recurring job back; times that come meanwhile are missed ones.",
            success: (200, "QueueState"),
            problems: [.unknownSchedule, .outcomeUnknown]
        ) { services, call, holder in
            try await setPaused(true, services, call, holder)
        },
        Operation(
            "resumeSchedule",
            .post,
            "/v1/operator/schedules/{name}/resume",
            .operator,
            "Lets a recurring job go on that was held back.",
            success: (200, "QueueState"),
            problems: [.unknownSchedule, .outcomeUnknown]
        ) { services, call, holder in
            try await setPaused(false, services, call, holder)
        },
        Operation(
            "listTables",
            .get,
            "/v1/operator/tables",
            .operator,
            "Tables, the largest first, with their partitions and sizes. Row counts are Postgres' own estimates.",
            success: (200, "TableList")
        ) { services, _, _ in
            // Whoever drops a part must not have everybody wait behind this.
            let rows = try await services.postgres.withTransaction(.init(lockTimeout: .milliseconds(500))) {
                tx in
                try await tx.query(ServerView.tables())
            }
            return try OperatorJSON.lists(["tables": rows])
        },
        Operation(
            "listSnapshots",
            .get,
            "/v1/operator/snapshots",
            .operator,
            "Who keeps old rows alive: sessions with their snapshots, the oldest first, and slots, prepared transactions "
                + "and replicas.",
            success: (200, "SnapshotList")
        ) { services, _, _ in
            let found = try await services.postgres.pipeline([ServerView.snapshots(), ServerView.retainers()])
            return try OperatorJSON.lists(["sessions": found[0], "retainers": found[1]])
        },
        Operation(
            "listLocks",
            .get,
            "/v1/operator/locks",
            .operator,
            "Who waits for a lock, and who is in the way.",
            success: (200, "LockList")
        ) { services, _, _ in
            try OperatorJSON.lists(["waiting": try await services.postgres.query(ServerView.locks())])
        },
        Operation(
            "listReplicas",
            .get,
            "/v1/operator/replicas",
            .operator,
            "Replicas that stream from the database, and how far each is behind.",
            success: (200, "ReplicaList")
        ) { services, _, _ in
            try OperatorJSON.lists(["replicas": try await services.postgres.query(ServerView.replicas())])
        },
        Operation(
            "listLights",
            .get,
            "/v1/operator/audit",
            .operator,
            "The promises, and what the last look at each has found. Asking has those looked at again that are older than "
                + "a minute, in the background.",
            success: (200, "LightList")
        ) { services, _, _ in
            let lights = try await services.lights.read()
            return .json(
                JSONWriter.object { json in
                    json.array("lights") { list in
                        for light in lights { list.object { write(light, to: &$0) } }
                    }
                }
            )
        },
        Operation(
            "listActions",
            .get,
            "/v1/operator/actions",
            .operator,
            "What operators did, the latest first, as the chained audit has it.",
            success: (200, "ActionList"),
            problems: [.badParameter]
        ) { services, call, _ in
            let limit = try call.limit()
            let entries = try await OperatorLog.page(
                before: try call.number("after").flatMap(Int32.init(exactly:)),
                limit: limit,
                in: services.postgres
            )
            return .json(
                JSONWriter.object { json in
                    json.array("actions") { list in
                        for entry in entries {
                            list.object { json in
                                json.field("ordinal", entry.ordinal)
                                json.field("at", "\(entry.at)")
                                json.field("actor", entry.actor)
                                json.field("action", entry.action)
                                json.field("detail", raw: entry.detail.utf8)
                            }
                        }
                    }
                    let next = entries.count == limit ? entries.last.map { "\($0.ordinal)" } : nil
                    json.field("next", next)
                }
            )
        },
    ]

    private static func setPaused(
        _ isPaused: Bool,
        _ services: Services,
        _ call: Call,
        _ holder: APIKeys.Holder
    ) async throws -> HTTPResponse {
        try await OperatorDocuments.hold(
            isPaused,
            "schedule",
            services,
            call,
            holder,
            orThrow: .unknownSchedule
        ) {
            try await ScheduleControls(postgres: services.postgres).setPaused(
                isPaused,
                schedule: $0,
                by: holder
            )
        }
    }

    private static func write(_ light: AuditLights.Light, to json: inout JSONWriter) {
        json.field("promise", light.promise)
        json.field("name", light.name)
        json.field("state", light.offenders.map { $0.isEmpty ? "kept" : "broken" } ?? "unknown")
        json.field("looked_at", light.lookedAt.map { "\($0)" })
        json.field(
            "took_ms",
            light.took.map {
                Int64($0.components.seconds * 1000) + $0.components.attoseconds / 1_000_000_000_000_000
            }
        )
        json.field("count", light.offenders?.count ?? 0)
        json.array("offenders") { for line in light.offenders ?? [] { $0.value(line) } }
        json.field("problem", light.problem)
    }
}
