internal import Reactor

/// Keeps the plans of a client's statements, for tests.
///
/// It sees each statement as it is really run: with its arguments, in its transaction, at that moment. A client whose
/// configuration has one does everything twice, so nobody else wants one.
package final class PlanLog: Sendable {
    /// What the server did for one statement.
    package struct Entry: Sendable {
        /// The statement's name.
        package let name: String
        /// What `EXPLAIN (ANALYZE, FORMAT JSON)` said.
        package let plan: JSONB
    }

    private let kept = Lock<[Entry]>([])

    package init() {}

    /// What was kept, the oldest first.
    package var entries: [Entry] { kept.withLock { $0 } }

    func keep(_ entry: Entry) { kept.withLock { $0.append(entry) } }
}
