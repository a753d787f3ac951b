internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Telemetry
internal import Workflows

extension Operation {
    /// What operators see of runs, and do with them.
    static let runCalls: [Operation] =
        [
            Operation(
                "listRuns",
                .get,
                "/v1/operator/runs",
                .operator,
                "Runs, the newest first. A page may be short of what it was asked for, and still have a `next`: then it has "
                    + "looked through as many jobs as one call may.",
                success: (200, "RunList"),
                problems: [.badParameter],
                parameters: RunParameters.all
            ) { services, call, _ in
                let limit = try call.limit()
                let page = try await services.workflows.runs(
                    try RunParameters.filter(of: call),
                    before: try call.number("after").map(JobID.init(rawValue:)),
                    limit: limit,
                    windows: 10
                )
                return .json(
                    JSONWriter.object { json in
                        json.array("runs") { list in
                            for run in page.runs { list.object { RunDocument.write(run, to: &$0) } }
                        }
                        json.field("next", page.next.map { "\($0)" })
                    }
                )
            },
            Operation(
                "getRun",
                .get,
                "/v1/operator/runs/{id}",
                .operator,
                "A run with its timeline.",
                success: (200, "RunHistory"),
                problems: [.unknownJob]
            ) { services, call, _ in
                guard let history = try await services.workflows.history(of: try call.jobID()) else {
                    throw Problem.unknownJob
                }
                return .json(JSONWriter.object { RunDocument.write(history, to: &$0) })
            },
            Operation(
                "forkRun",
                .post,
                "/v1/operator/runs/{id}/fork",
                .operator,
                "Starts a run that goes on from a step of this one's history, as if that had not been done yet.",
                body: "Fork",
                success: (201, "ForkedRun"),
                problems: [
                    .malformedJSON, .notJSON, .invalidFields, .unknownJob, .wrongState, .outcomeUnknown,
                ]
            ) { services, call, holder in
                var fields = try RequestFields(call.request)
                let step = fields.string("from", maxLength: 1000)
                try fields.check()
                let id = try call.jobID()
                let fork = try await services.runs.fork(id, from: step, by: holder)
                services.logger.info("run forked", ["run": "\(id)", "fork": "\(fork)", "by": holder.actor])
                return .json(JSONWriter.object { $0.field("id", "\(fork)") }, status: 201)
            },
        ] + RunControls.Action.allCases.map { steer($0, "run", "Run", "/v1/operator/runs/{id}/") }
        + [.retry, .cancel].map { steer($0, "job", "Job", "/v1/operator/jobs/{id}/") }

    private static func steer(
        _ action: RunControls.Action,
        _ what: String,
        _ noun: String,
        _ path: String
    ) -> Operation {
        let summary =
            switch action {
            case .retry: "Has a \(what) go on that failed for good, or one that waits for its time at once."
            case .cancel: "Ends a \(what). One that runs is asked to, and ended half a minute later."
            case .pause: "Has a \(what) stand still, with all that it waits for, until it is resumed."
            case .resume: "Lets a \(what) go on that stood still."
            }
        return Operation(
            action.rawValue + noun,
            .post,
            path + action.rawValue,
            .operator,
            summary,
            success: (200, "JobStanding"),
            problems: [.unknownJob, .wrongState, .keyTaken, .outcomeUnknown]
        ) { services, call, holder in
            let job = try await services.runs.apply(action, to: try call.jobID(), by: holder)
            services.logger.info(
                "run steered",
                ["action": action.rawValue, "run": "\(job.id)", "by": holder.actor]
            )
            return .json(
                JSONWriter.object {
                    $0.field("id", "\(job.id)")
                    $0.field("state", job.state.rawValue)
                }
            )
        }
    }
}

extension Call {
    /// The job or run that the path names.
    ///
    /// - Throws: ``Problem`` 404.
    func jobID() throws(Problem) -> JobID {
        guard let number = Int64(parameters["id"]), number > 0 else { throw .unknownJob }
        return JobID(rawValue: number)
    }

    /// A parameter that is a positive whole number.
    ///
    /// - Throws: ``Problem`` 400.
    func number(_ name: String) throws(Problem) -> Int64? {
        guard let text = request.queryValue(name) else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw .badParameter.with(detail: "\(name) must be a positive whole number")
        }
        return number
    }

    /// A parameter that is one of some words.
    ///
    /// - Throws: ``Problem`` 400.
    func word<Word: RawRepresentable & CaseIterable>(
        _ name: String,
        _ type: Word.Type = Word.self
    ) throws(Problem) -> Word? where Word.RawValue == String {
        guard let text = request.queryValue(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badParameter.with(detail: "\(name) must be one of \(words)")
        }
        return word
    }
}
