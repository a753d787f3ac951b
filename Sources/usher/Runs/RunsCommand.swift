internal import Foundation
internal import Jobs
internal import Postgres
internal import Workflows

/// `usher runs`: look at runs of workflows, and steer them.
enum RunsCommand {
    static let workflow = Option("workflow", .text("NAME"), help: "Only runs of this workflow")
    static let state = Option(
        "state",
        .choice(RunState.allCases.map(\.rawValue)),
        help: "Only runs that stand there"
    )
    private static let when = "2026-11-26T19:00:00Z, or as long ago as 2h"
    static let createdAfter = Option(
        "created-after",
        .text("INSTANT"),
        help: "Only runs started since then: \(when)"
    )
    static let createdBefore = Option("created-before", .text("INSTANT"), help: "Only runs started before")
    static let finishedAfter = Option("finished-after", .text("INSTANT"), help: "Only runs ended since then")
    static let finishedBefore = Option("finished-before", .text("INSTANT"), help: "Only runs ended before")
    static let attribute = Option(
        "attribute",
        .text("NAME=VALUE"),
        help: "Only runs with this attribute; the value is JSON, or else a text"
    )
    static let error = Option("error", .text("TEXT"), help: "Only runs whose error contains this")
    static let key = Option("key", .text("KEY"), help: "Only the run that was started under this key")
    static let parent = Option("parent", .number(1...Int.max), help: "Only children of this run")
    static let filters = [
        workflow, state, createdAfter, createdBefore, finishedAfter, finishedBefore, attribute, error, key,
        parent,
    ]
    static let id = Command.Operand(name: "ID", help: "The run's number")

    static let command = Command(
        "runs",
        "List, show, steer, fork, export and replay runs of workflows",
        subcommands: [list, show, history, values, pause, resume, retry, cancel, fork, export, replay]
    )

    /// The number that was given.
    static func number(_ invocation: Invocation) throws -> JobID {
        let given = invocation.arguments.operands[0]
        guard let number = Int64(given), number > 0 else {
            throw UsageError(command: invocation.path, message: "ID is a number, not \"\(given)\"")
        }
        return JobID(rawValue: number)
    }

    /// The filter that was given.
    static func filter(_ invocation: Invocation) throws -> RunFilter {
        let arguments = invocation.arguments
        func instant(_ option: Option) throws -> PostgresTimestamp? {
            guard let text = arguments.text(option) else { return nil }
            if let instant = PostgresTimestamp(rfc3339: text) { return instant }
            if let ago = Duration(text: text) { return .now - ago }
            throw UsageError(
                command: invocation.path,
                message: "--\(option.name) takes an instant such as \(when), not \"\(text)\""
            )
        }
        var filter = RunFilter()
        filter.workflow = arguments.text(workflow)
        filter.state = arguments.text(state).flatMap(RunState.init(rawValue:))
        filter.createdSince = try instant(createdAfter)
        filter.createdBefore = try instant(createdBefore)
        filter.finishedSince = try instant(finishedAfter)
        filter.finishedBefore = try instant(finishedBefore)
        filter.error = arguments.text(error)
        filter.key = arguments.text(key)
        filter.parent = arguments.number(parent).map { JobID(rawValue: Int64($0)) }
        if let given = arguments.text(attribute) {
            let parts = given.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw UsageError(
                    command: invocation.path,
                    message: "--attribute takes a name and a value, such as customer=42, not \"\(given)\""
                )
            }
            filter.attribute = RunAttribute(String(parts[0]), try json(String(parts[1])))
        }
        return filter
    }

    /// The text as JSON if it is some, else as a JSON string.
    private static func json(_ text: String) throws -> JSONB {
        let isJSON =
            (try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)) != nil
        return isJSON ? JSONB(text: text) : try JSONCoding.encode(text)
    }

    static func withClient<Value: Sendable>(
        _ invocation: Invocation,
        _ body: (WorkflowClient) async throws -> Value
    ) async throws -> Value {
        let place = try await Workplace.open(invocation, connections: 2)
        try await place.checkSchema()
        let value = try await body(WorkflowClient(postgres: place.postgres))
        await place.close()
        return value
    }

    /// The history of the run that was given.
    static func given(_ invocation: Invocation, _ client: WorkflowClient) async throws -> RunHistory {
        let id = try number(invocation)
        guard let history = try await client.history(of: id) else { throw Failure("there is no run \(id)") }
        return history
    }
}
