/// Everything that is wrong with a filed plan, each with its place in the JSON.
package struct PlanError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One thing that is wrong.
    package struct Issue: Sendable, Equatable, CustomStringConvertible {
        /// Where, such as `sections[3].rows[0].seats`; empty for the whole document.
        package let path: String
        /// What is wrong and what is accepted.
        package let message: String

        package var description: String { path.isEmpty ? message : "\(path): \(message)" }
    }

    package let issues: [Issue]

    /// One line for each issue.
    package var description: String { issues.map(\.description).joined(separator: "\n") }
}

/// Gathers issues, so that a promoter sees all of them at once.
final class PlanIssues {
    private(set) var all: [PlanError.Issue] = []

    func add(_ path: String, _ message: String) {
        all.append(.init(path: path, message: message))
    }

    /// - Throws: `PlanError` when there is any.
    func check() throws(PlanError) {
        if !all.isEmpty { throw PlanError(issues: all) }
    }
}
