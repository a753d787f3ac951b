internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres

/// Which runs, jobs or dead letters are meant, as query parameters and as members of a body have it.
enum RunParameters {
    typealias Described = [(name: String, schema: Schema)]

    /// Those of runs.
    static let all: Described = [
        ("workflow", .text(200)), ("state", .oneOf(RunState.allCases.map(\.rawValue))), ("text", .text(500)),
        ("attribute", .text(500)), ("key", .text(500)), ("parent", .text(19)),
    ]

    /// Those of jobs.
    static let jobs: Described = [
        ("state", .oneOf(jobStates.map(\.rawValue))), ("queue", .text(200)), ("name", .text(200)),
    ]

    /// Those of dead letters.
    static let deadLetters: Described = [
        ("queue", .text(200)), ("name", .text(200)),
        ("kind", .oneOf(DeadLetter.Kind.allCases.map(\.rawValue))),
    ]

    /// The states that a job can be seen in.
    static let jobStates = JobState.allCases.filter { $0.rawValue != "queued" }

    /// The runs that a request's parameters mean.
    ///
    /// - Throws: ``Problem`` 400.
    static func filter(of call: Call) throws -> RunFilter {
        var problem: Problem?
        let filter = runs({ call.request.queryValue($0).flatMap { $0.isEmpty ? nil : $0 } }) {
            name,
            message in
            problem = problem ?? .badParameter.with(detail: "\(name) \(message)")
        }
        if let problem { throw problem }
        return filter
    }

    /// The runs that are meant.
    ///
    /// - Parameters:
    ///   - value: what was given under a name.
    ///   - refuse: told what can't be used.
    /// - Returns: the filter; without what can't be used.
    static func runs(_ value: (String) -> String?, refuse: (String, String) -> Void) -> RunFilter {
        var filter = RunFilter()
        filter.workflow = value("workflow")
        filter.error = value("text")
        filter.key = value("key")
        if let text = value("state") {
            filter.state = RunState(rawValue: text)
            if filter.state == nil {
                refuse("state", "must be one of \(RunState.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }
        if let text = value("attribute") {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].isEmpty {
                filter.attribute = RunAttribute(String(parts[0]), json(String(parts[1])))
            } else {
                refuse("attribute", "must be a name and a value, such as customer=42")
            }
        }
        if let text = value("parent") {
            filter.parent = Int64(text).flatMap { $0 > 0 ? JobID(rawValue: $0) : nil }
            if filter.parent == nil { refuse("parent", "must be a run's number") }
        }
        return filter
    }

    /// The text as JSON if it is some, else as a JSON string.
    private static func json(_ text: String) -> JSONB {
        if (try? JSONValue(parsing: Array(text.utf8))) != nil { return JSONB(text: text) }
        var writer = JSONWriter()
        writer.value(text)
        return JSONB(bytes: writer.bytes)
    }
}
