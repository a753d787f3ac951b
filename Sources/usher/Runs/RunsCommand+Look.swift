internal import Foundation
internal import Jobs
internal import Postgres
internal import Workflows

// Looking at runs.
extension RunsCommand {
    private static let width = Option(
        "width",
        .number(40...1000),
        environment: "COLUMNS",
        help: "How many columns the timeline may take; else as many as the terminal has"
    )

    static let list = Command(
        "list",
        "List runs, newest first",
        options: filters + [JobsCommand.before, JobsCommand.limit, .json] + Option.database
    ) { invocation in
        let filter = try filter(invocation)
        let before = invocation.arguments.number(JobsCommand.before).map { JobID(rawValue: Int64($0)) }
        let limit = invocation.arguments.number(JobsCommand.limit) ?? 50
        let page = try await withClient(invocation) {
            try await $0.runs(filter, before: before, limit: limit)
        }
        if invocation.arguments.flag(.json) {
            for run in page.runs { print(try JSONCoding.encode(RunLine(run)).text) }
            return
        }
        let heading = ["ID", "WORKFLOW", "STATE", "FAILURES", "STARTED", "ENDED", "WAITS FOR, OR ERROR"]
        let rows = page.runs.map { run in
            [
                "\(run.id)", run.workflow, run.state.rawValue, "\(run.failures)", second(run.createdAt),
                run.finishedAt.map(second) ?? "-", OneLine.shortened(remark(run)),
            ]
        }
        for line in TextTable.lines([heading] + rows) { print(line) }
        if let next = page.next { print("more: --before \(next)") }
    }

    static func second(_ instant: PostgresTimestamp) -> String { String(instant.description.prefix(19)) }

    private static func remark(_ run: RunSummary) -> String {
        if let error = run.error { return error }
        if run.state.isTerminal { return "" }
        return (run.waitsFor.map { "event \($0)" } + (run.wakesAt.map { ["\(second($0))"] } ?? []))
            .joined(separator: ", ")
    }

    static let show = Command(
        "show",
        "Show a run and the timeline of its steps",
        discussion: """
            Each step is drawn from the record before it to its own, to the scale of the run's life: █ worked, ░ waited,
            ▒ failed. A line says where a run was claimed again without having waited: its worker died or was stopped, an
            effect was tried again, or another pool took it.
            """,
        options: [width] + Option.database,
        operands: [id]
    ) { invocation in
        let width = invocation.arguments.number(width) ?? RunTimeline.terminalWidth
        let (history, now) = try await withClient(invocation) { client in
            let now: PostgresTimestamp = try await client.store.postgres.query(
                Query("clock_now", "SELECT clock_timestamp()")
            )[0][0]
            return (try await given(invocation, client), now)
        }
        for line in RunTimeline(history, now: now, width: width).lines { print(line) }
    }

    static let history = Command(
        "history",
        "Print what a run recorded, in that order",
        discussion: "With --json the whole history is printed as one document, as usher runs export does it.",
        options: [.json] + Option.database,
        operands: [id]
    ) { invocation in
        let history = try await withClient(invocation) { try await given(invocation, $0) }
        if invocation.arguments.flag(.json) { return print(history.document.text) }
        let rows = history.steps.map { step in
            [
                "\(step.recordedAt)", "\(step.epoch)", step.kind.rawValue, step.key,
                OneLine.shortened(step.value.text),
            ]
        }
        for line in TextTable.lines([["RECORDED", "EPOCH", "KIND", "STEP", "VALUE"]] + rows) { print(line) }
        for event in history.events {
            print("event \(event.name) at \(event.recordedAt): \(OneLine.shortened(event.value.text))")
        }
        for child in history.children {
            print("child \(child.id) \(child.workflow) \(child.state.rawValue)")
        }
    }

    static let values = Command(
        "values",
        "Print what a run shows, and the attributes it is found by",
        options: [.json] + Option.database,
        operands: [id]
    ) { invocation in
        let history = try await withClient(invocation) { try await given(invocation, $0) }
        if invocation.arguments.flag(.json) {
            func object(_ fields: [(String, JSONB)]) throws -> String {
                "{"
                    + (try fields.map { "\(try JSONCoding.encode($0.0).text):\($0.1.text)" }).joined(
                        separator: ","
                    )
                    + "}"
            }
            let values = try object(history.values.map { ($0.name, $0.value) })
            let attributes = try object(history.attributes.map { ($0.name, $0.value) })
            return print("{\"values\":\(values),\"attributes\":\(attributes)}")
        }
        let rows =
            history.values.map { ["value", $0.name, OneLine.shortened($0.value.text)] }
            + history.attributes.map { ["attribute", $0.name, OneLine.shortened($0.value.text)] }
        for line in TextTable.lines([["KIND", "NAME", "VALUE"]] + rows) { print(line) }
    }

    static let export = Command(
        "export",
        "Print the histories of runs, one JSON document a line",
        discussion:
            "Of one run, of those that match a filter, or of --all. usher runs replay --file reads them.",
        options: filters + [all] + Option.database,
        operands: [someID]
    ) { invocation in
        if !invocation.arguments.operands.isEmpty {
            return print(try await withClient(invocation) { try await given(invocation, $0) }.document.text)
        }
        let filter = try meant(invocation)
        _ = try await withClient(invocation) { client in
            try await client.export(filter) { UpCommand.say($0.document.text) }
        }
    }

    private static let file = Option(
        "file",
        .text("PATH"),
        help: "Exported histories, one a line, in place of a run of the database"
    )

    static let replay = Command(
        "replay",
        "Hold the histories of runs against this program's code",
        discussion: """
            Nothing is done again, and nothing is written. Of one run, of those that match a filter, of --all, or of an
            exported --file. Ends with 1 if the code can't have made one of the histories.
            """,
        options: filters + [all, file] + Option.database,
        operands: [someID]
    ) { invocation in
        let differing = try await withClient(invocation) { client in
            let registry = try BoxOfficeCode.registry(invocation, client.store.postgres)
            if let path = invocation.arguments.text(file) { return try replay(file: path, with: registry) }
            guard invocation.arguments.operands.isEmpty else {
                return report(try await given(invocation, client), registry)
            }
            var differing = 0
            try await client.export(try meant(invocation)) { differing += report($0, registry) }
            return differing
        }
        if differing > 0 { throw Failure("\(differing) of the histories do not fit this program's code") }
    }

    private static func report(_ history: RunHistory, _ registry: WorkflowRegistry) -> Int {
        let replay = HistoryReplay(history, with: registry)
        print("run \(history.run.id) (\(history.run.workflow)) \(OneLine.joined(replay.description))")
        return replay.fits ? 0 : 1
    }

    private static func replay(file path: String, with registry: WorkflowRegistry) throws -> Int {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Failure("--file can't be read: \(OneLine.describing(error))")
        }
        var differing = 0
        for (index, line) in text.split(separator: "\n").enumerated() {
            do {
                differing += report(try RunHistory(document: JSONB(text: String(line))), registry)
            } catch let error as JobsError {
                throw Failure("line \(index + 1) of \(path): \(error.message)")
            }
        }
        return differing
    }
}

/// A run as a line of JSON.
private struct RunLine: Encodable {
    let id: Int64
    let workflow: String
    let queue: String
    let state: String
    let paused: Bool
    let epoch: Int32
    let generation: Int32
    let failures: Int16
    let code_version: Int?
    let parent: Int64?
    let wakes_at: String?
    let waits_for: [String]
    let error: String?
    let created_at: String
    let finished_at: String?

    init(_ run: RunSummary) {
        id = run.id.rawValue
        workflow = run.workflow
        queue = run.queue
        state = run.state.rawValue
        paused = run.isPaused
        epoch = run.epoch
        generation = run.generation
        failures = run.failures
        code_version = run.codeVersion
        parent = run.parent?.rawValue
        wakes_at = run.wakesAt?.description
        waits_for = run.waitsFor
        error = run.error
        created_at = run.createdAt.description
        finished_at = run.finishedAt?.description
    }
}
