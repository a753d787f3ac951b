internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Telemetry
internal import Workflows

extension Operation {
    /// What operators see of jobs and of those that failed for good.
    static let jobCalls: [Operation] = [
        Operation(
            "listJobs",
            .get,
            "/v1/operator/jobs",
            .operator,
            "Jobs and runs: ready ones in the order they are claimed in, failed ones the latest first, others the newest "
                + "first.",
            success: (200, "JobList"),
            problems: [.badParameter],
            parameters: RunParameters.jobs
        ) { services, call, _ in
            var filter = EngineView.JobFilter()
            filter.limit = try call.limit()
            filter.before = try call.number("after")
            filter.queue = call.request.queryValue("queue")
            filter.name = call.request.queryValue("name")
            filter.state = try call.word("state", JobState.self)?.rawValue
            let rows = try await services.postgres.query(EngineView.jobs(filter))
            let last = rows.count == filter.limit ? rows.last : nil
            return .json(
                try JSONWriter.object { json in
                    json.field("jobs", raw: try OperatorJSON.array(rows))
                    // Ready and failed ones are in another order than that of their numbers.
                    let isByNumber = !["ready", "failed"].contains(filter.state)
                    let next = isByNumber ? try last.map { try $0[1] as Int64 } : nil
                    json.field("next", next.map { "\($0)" })
                }
            )
        },
        Operation(
            "getJob",
            .get,
            "/v1/operator/jobs/{id}",
            .operator,
            "All that is known of a job: its row, where it stands, its progress, its log and why it is a dead letter.",
            success: (200, "JobRow"),
            problems: [.unknownJob]
        ) { services, call, _ in
            guard let row = try await services.postgres.query(EngineView.job(try call.jobID())).first else {
                throw Problem.unknownJob
            }
            return .json((try row[0] as JSONB).bytes)
        },
        Operation(
            "listDeadLetters",
            .get,
            "/v1/operator/dead-letters",
            .operator,
            "Jobs and runs that failed for good, the newest first.",
            success: (200, "DeadLetterList"),
            problems: [.badParameter],
            parameters: RunParameters.deadLetters
        ) { services, call, _ in
            let limit = try call.limit()
            let letters = try await services.workflows.store.deadLetters(
                DeadLetterFilter(
                    name: call.request.queryValue("name"),
                    queue: call.request.queryValue("queue"),
                    kind: try call.word("kind")
                ),
                olderThan: try call.number("after").map(JobID.init(rawValue:)),
                limit: limit
            )
            return .json(
                JSONWriter.object { json in
                    json.array("dead_letters") { list in
                        for letter in letters {
                            list.object { json in
                                json.field("id", "\(letter.id)")
                                json.field("name", letter.name)
                                json.field("queue", letter.queue)
                                json.field("kind", letter.kind.rawValue)
                                json.field("reason", letter.reason)
                                json.field("failures", Int(letter.failures))
                                json.field("failed_at", "\(letter.failedAt)")
                            }
                        }
                    }
                    let next = letters.count == limit ? letters.last.map { "\($0.id)" } : nil
                    json.field("next", next)
                }
            )
        },
    ]
}
