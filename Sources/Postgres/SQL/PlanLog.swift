internal import Reactor

/// Keeps the plans of a client's statements, for tests.
///
/// It sees each statement as it is really run: with its arguments, in its transaction, at that moment.
package final class PlanLog: Sendable {
    /// Who makes the plans known.
    package enum Source: Sendable {
        /// The client, which does everything twice, the first time under EXPLAIN; that sees custom plans, and nothing
        /// of what a function does.
        case client
        /// The server's module `auto_explain`, which the connection's options have to load, with `log_format=json`; it
        /// sees the plans that are run, and those inside of functions before their statement's.
        case server
    }

    /// What the server did for one statement.
    package struct Entry: Sendable {
        /// The statement's name; empty where the server has told the plan.
        package let name: String
        /// What `EXPLAIN (ANALYZE, FORMAT JSON)` said, or the one object of it that the server told.
        package let plan: JSONB

        package init(name: String, plan: JSONB) {
            self.name = name
            self.plan = plan
        }
    }

    package let source: Source
    private let kept = Lock<[Entry]>([])
    private let known = Lock<[String: String]>([:])

    package init(_ source: Source = .client) {
        self.source = source
    }

    /// What was kept, the oldest first.
    package var entries: [Entry] { kept.withLock { $0 } }

    /// The names of all statements that were run, by their texts.
    package var names: [String: String] { known.withLock { $0 } }

    func keep(_ entry: Entry) { kept.withLock { $0.append(entry) } }

    func note(_ queries: [Query]) {
        known.withLock { known in for query in queries { known[query.text] = "\(query.name)" } }
    }

    /// Keeps the plan in a message of the server's, if there is one in it.
    func hear(_ message: String) {
        guard let end = message.firstIndex(of: "\n"), message[..<end].hasSuffix("plan:") else { return }
        keep(Entry(name: "", plan: JSONB(text: String(message[end...].dropFirst()))))
    }
}
