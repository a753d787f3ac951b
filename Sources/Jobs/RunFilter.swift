public import Postgres

/// Where a run stands, as operators see it.
public enum RunState: String, Sendable, Codable, CaseIterable {
    /// Waits for its start, or for its next attempt.
    case scheduled
    /// Can be claimed.
    case ready
    /// A worker drives it.
    case running
    /// Parked: waits for an event, a timer or a child.
    case waiting
    /// Stands still until somebody resumes it.
    case paused
    /// Ended well.
    case done
    /// Ended after its last attempt, with the error kept.
    case failed
    /// Ended because someone asked.
    case cancelled

    /// Whether the run can never go on by itself.
    public var isTerminal: Bool { [.done, .failed, .cancelled].contains(self) }
}

/// Which runs are meant; what is nil matches all.
public struct RunFilter: Sendable, Hashable {
    /// Of workflows with this name.
    public var workflow: String?
    /// That stand here.
    public var state: RunState?
    /// Started at or after this instant.
    public var createdSince: PostgresTimestamp?
    /// Started before this instant.
    public var createdBefore: PostgresTimestamp?
    /// Ended at or after this instant.
    public var finishedSince: PostgresTimestamp?
    /// Ended before this instant.
    public var finishedBefore: PostgresTimestamp?
    /// Of which an attribute has this value; see `WorkflowContext.tag`.
    public var attribute: RunAttribute?
    /// Of which the last error contains this text, whatever its case.
    public var error: String?
    /// Started under this key; there is one at most.
    public var key: String?
    /// Children of this run.
    public var parent: JobID?

    /// Makes a filter that matches every run.
    public init() {}

    /// Every run.
    public static let all = RunFilter()

    /// The condition on a row `j` of ``RunView``.
    var condition: SQL {
        var parts: [SQL] = ["j.is_run"]
        if let workflow { parts.append("j.name = \(workflow)") }
        if let state { parts.append("\(fragment: RunView.standing) = \(state.rawValue)") }
        if let createdSince { parts.append("j.created_at >= \(createdSince)") }
        if let createdBefore { parts.append("j.created_at < \(createdBefore)") }
        if let finishedSince { parts.append("j.finished_at >= \(finishedSince)") }
        if let finishedBefore { parts.append("j.finished_at < \(finishedBefore)") }
        if let error { parts.append("position(lower(\(error)) IN lower(j.error)) > 0") }
        if let parent { parts.append("j.parent_id = \(parent.rawValue)") }
        if let key {
            parts.append("EXISTS (SELECT FROM job_keys k WHERE k.key = \(key) AND k.job_id = j.id)")
        }
        if let attribute {
            parts.append(
                """
                EXISTS (SELECT FROM run_attributes a
                    WHERE a.job_id = j.id AND a.name = \(attribute.name) AND a.value = \(attribute.value))
                """
            )
        }
        return .joined(parts, separator: " AND ")
    }
}

/// An attribute with its value, as runs are searched by it.
public struct RunAttribute: Sendable, Hashable {
    /// The attribute's name.
    public var name: String
    /// Its value, any JSON.
    public var value: JSONB

    /// Makes an attribute.
    public init(_ name: String, _ value: JSONB) {
        self.name = name
        self.value = value
    }
}
