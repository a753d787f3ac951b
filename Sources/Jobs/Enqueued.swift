/// What became of a job that was offered.
public struct Enqueued: Sendable, Hashable {
    /// What became of it.
    public enum Outcome: Sendable, Hashable {
        /// It was made.
        case made
        /// Another like it was there; see ``Uniqueness``.
        case found
        /// Another like it was there, and took its input and run time.
        case replaced
    }

    /// The job's number, or that of the one that was there.
    public let id: JobID
    /// What became of it.
    public let outcome: Outcome

    /// Whether another like it was there.
    public var isDuplicate: Bool { outcome != .made }

    package init(id: JobID, outcome: Outcome) {
        self.id = id
        self.outcome = outcome
    }
}
