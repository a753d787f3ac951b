internal import Foundation
internal import Jobs
internal import Postgres
internal import Reactor

/// `usher jobs`: look at jobs, and do something about them.
enum JobsCommand {
    static let state = Option(
        "state",
        .choice(JobState.allCases.map(\.rawValue).filter { $0 != "queued" }),
        help: "Only jobs that stand there"
    )
    static let queue = Option("queue", .text("NAME"), help: "Only jobs of this queue")
    static let name = Option("name", .text("NAME"), help: "Only jobs of this name")
    static let kind = Option(
        "kind",
        .choice(DeadLetter.Kind.allCases.map(\.rawValue)),
        help: "Only dead letters of this kind"
    )
    static let before = Option("before", .number(1...Int.max), help: "Only smaller numbers: the next page")
    static let limit = Option("limit", .number(1...10_000), initial: "50", help: "The most that is shown")
    static let all = Option("all", .flag, help: "All dead letters")
    static let deadline = Option(
        "deadline",
        .duration,
        initial: "30s",
        help: "How long a running job may take to end by itself"
    )
    static let reason = Option(
        "reason",
        .text("TEXT"),
        initial: "cancelled by an operator",
        help: "Kept with the job"
    )
    static let id = Command.Operand(name: "ID", help: "The job's number")

    static let command = Command(
        "jobs",
        "List, show, retry, cancel, redrive and follow jobs",
        subcommands: [list, show, retry, cancel, redrive, tail]
    )

    private static let list = Command(
        "list",
        "List jobs, newest first; ready ones in the order they are claimed in",
        options: [state, queue, name, before, limit, .json] + Option.database
    ) { invocation in
        var filter = EngineView.JobFilter()
        filter.state = invocation.arguments.text(state)
        filter.queue = invocation.arguments.text(queue)
        filter.name = invocation.arguments.text(name)
        filter.before = invocation.arguments.number(before).map(Int64.init)
        filter.limit = invocation.arguments.number(limit) ?? 50
        let query = EngineView.jobs(filter)
        let rows = try await withStore(invocation) { store in
            try JSONRows<EngineView.JobRow>(try await store.postgres.query(query))
        }
        if invocation.arguments.flag(.json) { return rows.printLines() }
        try rows.printTable(["ID", "NAME", "QUEUE", "STATE", "FAILURES", "CREATED", "ERROR"]) { row in
            [
                "\(row.id)", row.name, row.queue, row.state, "\(row.failures)",
                String(row.created_at.prefix(19)),
                OneLine.shortened(row.error ?? ""),
            ]
        }
    }

    private static let show = Command(
        "show",
        "Show all that is known of a job, as JSON",
        discussion: "Its row, where it stands, its progress and log, and for a run its steps and events.",
        options: Option.database,
        operands: [id]
    ) { invocation in
        let id = try number(invocation)
        let text = try await withStore(invocation) { store in
            guard let row = try await store.postgres.query(EngineView.job(id)).first else {
                throw Failure("there is no job \(id)")
            }
            return try (row[0] as JSONB).text
        }
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let pretty = try JSONSerialization.data(
            withJSONObject: object,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
        print(String(decoding: pretty, as: UTF8.self))
    }

    private static let retry = Command(
        "retry",
        "Have a job done now: one that waits for its next attempt, or a dead letter",
        options: Option.database,
        operands: [id]
    ) { invocation in
        let id = try number(invocation)
        try await withStore(invocation) { store in
            if try await store.redrive(id) {
                return print("job \(id) is ready again, with no failures counted")
            }
            guard try await store.runNow(id) else {
                let state = try await store.job(id)?.state.rawValue
                throw Failure(
                    state.map {
                        "job \(id) is \($0); only a scheduled job or a dead letter can be tried again"
                    }
                        ?? "there is no job \(id)"
                )
            }
            print("job \(id) is due now")
        }
    }

    private static let cancel = Command(
        "cancel",
        "Cancel a job or a run",
        discussion:
            "One that nobody runs ends at once; a running one is asked to, and ended at the deadline.",
        options: [deadline, reason] + Option.database,
        operands: [id]
    ) { invocation in
        let id = try number(invocation)
        let within = invocation.arguments.duration(deadline) ?? .seconds(30)
        let why = invocation.arguments.text(reason) ?? ""
        try await withStore(invocation) { store in
            let result = try await store.cancel([id], deadline: within, reason: why)
            if !result.cancelled.isEmpty { return print("job \(id) is cancelled") }
            if !result.asked.isEmpty { return print("job \(id) runs; its worker was asked to end it") }
            let state = try await store.job(id)?.state.rawValue
            throw Failure(state.map { "job \(id) is \($0) already" } ?? "there is no job \(id)")
        }
    }

    private static let redrive = Command(
        "redrive",
        "Have dead letters done after all",
        discussion:
            "Takes a filter, or --all. Their failures are forgotten; usher jobs retry does it for one job.",
        options: [queue, name, kind, all] + Option.database
    ) { invocation in
        let arguments = invocation.arguments
        let filter = DeadLetterFilter(
            name: arguments.text(name),
            queue: arguments.text(queue),
            kind: arguments.text(kind).flatMap(DeadLetter.Kind.init(rawValue:))
        )
        guard filter != .all || arguments.flag(all) else {
            throw UsageError(
                command: invocation.path,
                message: "say which: --queue, --name, --kind, or --all for every dead letter"
            )
        }
        let count = try await withStore(invocation) { try await $0.redrive(filter) }
        print("\(count) jobs are ready again")
    }

    private static let tail = Command(
        "tail",
        "Follow plain jobs as they end, one JSON line each, until ctrl-C",
        options: Option.database,
        endsInOrder: true
    ) { invocation in
        try await withStore(invocation) { store in
            var since: PostgresTimestamp? = try await store.postgres.query(
                Query("usher_now", "SELECT usher_now()")
            )[0][0]
            while !invocation.stop.isMade {
                let rows = try await store.postgres.query(EngineView.ended(since: since, limit: 10_000))
                for row in rows {
                    UpCommand.say(try (row[0] as JSONB).text)
                    since = try row[1]
                }
                if rows.isEmpty { try await Task.sleep(for: .milliseconds(250)) }
            }
        }
    }

    private static func number(_ invocation: Invocation) throws -> JobID {
        let given = invocation.arguments.operands[0]
        guard let number = Int64(given), number > 0 else {
            throw UsageError(command: invocation.path, message: "ID is a number, not \"\(given)\"")
        }
        return JobID(rawValue: number)
    }

    private static func withStore<Value: Sendable>(
        _ invocation: Invocation,
        _ body: (JobStore) async throws -> Value
    ) async throws -> Value {
        let place = try await Workplace.open(invocation, connections: 2)
        try await place.checkSchema()
        let value = try await body(JobStore(postgres: place.postgres))
        await place.close()
        return value
    }
}
