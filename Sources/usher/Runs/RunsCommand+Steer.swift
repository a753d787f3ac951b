internal import Jobs
internal import Postgres
internal import Workflows

// Steering runs: one by its number, or all that match a filter.
extension RunsCommand {
    static let someID = Command.Operand(
        name: "ID",
        help: "The run's number; else a filter says which are meant",
        isOptional: true
    )
    static let all = Option("all", .flag, help: "Every run")
    private static let dryRun = Option("dry-run", .flag, help: "Only count the runs that a filter matches")
    private static let bulk = filters + [all, dryRun]

    /// The filter that was given, which may not be empty by mistake.
    static func meant(_ invocation: Invocation) throws -> RunFilter {
        let filter = try filter(invocation)
        guard filter != .all || invocation.arguments.flag(all) else {
            let options = filters.map { "--\($0.name)" }.joined(separator: ", ")
            throw UsageError(
                command: invocation.path,
                message: "say which: an ID, a filter (\(options)), or --all for every run"
            )
        }
        return filter
    }

    /// Does something to one run or to many.
    private static func steer(
        _ invocation: Invocation,
        one: (WorkflowClient, JobID) async throws -> String?,
        many: (WorkflowClient, RunFilter, Bool) async throws -> BulkOutcome,
        done: String,
        wanted: String
    ) async throws {
        guard invocation.arguments.operands.isEmpty else {
            let id = try number(invocation)
            guard invocation.arguments.values.keys.allSatisfy({ name in !bulk.contains { $0.name == name } })
            else {
                throw UsageError(
                    command: invocation.path,
                    message: "takes an ID or a filter, not both"
                )
            }
            return try await withClient(invocation) { client in
                if let line = try await one(client, id) { return print(line) }
                let run = try await client.history(of: id)?.run
                guard let run else { throw Failure("there is no run \(id)") }
                throw Failure("run \(id) is \(run.state.rawValue); \(wanted)")
            }
        }
        let filter = try meant(invocation)
        let isTrial = invocation.arguments.flag(dryRun)
        let outcome = try await withClient(invocation) { try await many($0, filter, isTrial) }
        print(
            isTrial
                ? "\(outcome.matched) runs match; nothing was done"
                : "\(outcome.matched) runs matched, \(outcome.changed) were \(done)"
        )
    }

    static let pause = Command(
        "pause",
        "Have runs stand still",
        discussion: "One that a worker drives stands still from its next commit on.",
        options: bulk + Option.database,
        operands: [someID]
    ) { invocation in
        try await steer(
            invocation,
            one: { client, id in
                guard try await client.pause(id) else { return nil }
                let state = try await client.history(of: id)?.run.state
                return state == .running
                    ? "run \(id) is driven by a worker, and is paused at its next commit"
                    : "run \(id) is paused"
            },
            many: { try await $0.pause(all: $1, isTrial: $2) },
            done: "paused",
            wanted: "only a live run that is not paused can be"
        )
    }

    static let resume = Command(
        "resume",
        "Let paused runs go on",
        discussion: "With a filter that names no state, the paused ones among those that match.",
        options: bulk + Option.database,
        operands: [someID]
    ) { invocation in
        try await steer(
            invocation,
            one: { try await $0.resume($1) ? "run \($1) goes on" : nil },
            many: { try await $0.resume(all: $1, isTrial: $2) },
            done: "resumed",
            wanted: "only a paused run can be resumed"
        )
    }

    static let retry = Command(
        "retry",
        "Let failed runs go on from their last checkpoint, or have their next attempt now",
        discussion: "With a filter that names no state, the failed ones among those that match.",
        options: bulk + Option.database,
        operands: [someID]
    ) { invocation in
        try await steer(
            invocation,
            one: { try await $0.retry($1) ? "run \($1) goes on from its last checkpoint" : nil },
            many: { try await $0.retry(all: $1, isTrial: $2) },
            done: "put back to work",
            wanted: "only a run that has failed, or waits for its next attempt, can be tried again"
        )
    }

    static let cancel = Command(
        "cancel",
        "Cancel runs",
        discussion:
            "One that nobody drives ends at once, unless it has to clean up; a driven one is asked to, and ended at the deadline.",
        options: bulk + [JobsCommand.deadline, JobsCommand.reason] + Option.database,
        operands: [someID]
    ) { invocation in
        let within = invocation.arguments.duration(JobsCommand.deadline) ?? .seconds(30)
        let why = invocation.arguments.text(JobsCommand.reason) ?? ""
        try await steer(
            invocation,
            one: { client, id in
                guard try await client.history(of: id) != nil else { return nil }
                let result = try await client.store.cancel([id], deadline: within, reason: why)
                if !result.cancelled.isEmpty { return "run \(id) is cancelled" }
                return result.asked.isEmpty ? nil : "run \(id) was asked to end"
            },
            many: { try await $0.cancel(all: $1, deadline: within, reason: why, isTrial: $2) },
            done: "cancelled or asked to end",
            wanted: "only a live run can be cancelled"
        )
    }

    private static let from = Option(
        "from",
        .text("STEP"),
        help: "The step that the new run begins with; name#2 for the second use of a name"
    )

    static let fork = Command(
        "fork",
        "Start a run that goes on from a step in the history of another",
        discussion:
            "It has the other's input and what that recorded before the step; the other is not touched.",
        options: [from] + Option.database,
        operands: [id]
    ) { invocation in
        let id = try number(invocation)
        guard let step = invocation.arguments.text(from) else {
            throw UsageError(
                command: invocation.path,
                message: "--from STEP is missing; usher runs history \(id) lists the steps"
            )
        }
        let fork = try await withClient(invocation) { try await $0.fork(id, from: step) }
        print("run \(fork) goes on from \"\(step)\" of run \(id)")
    }
}
