public import Jobs

/// What a start does when its key is taken by a run that was started before.
public enum RunReuse: Sendable, Hashable {
    /// Nothing: it finds that run, whether it lives or not.
    case find
    /// Starts anew once that run has ended, however it did; until then it finds it.
    case afterEnd
    /// Starts anew once that run has failed or was cancelled; one that lives or is done it finds.
    case afterFailure
    /// Starts anew in any case; a run that lives is cancelled.
    case replace
    /// Throws.
    case reject
}

/// What became of a start under a key.
public struct StartedRun: Sendable, Hashable {
    /// What became of it.
    public enum Outcome: Sendable, Hashable {
        /// The run was made.
        case started
        /// The key's run was there already.
        case found
        /// The run was made in the place of this one, which has ended, or was told to.
        case replaced(JobID)
    }

    /// The run that has the key now.
    public let id: JobID
    /// What became of the start.
    public let outcome: Outcome

    /// Makes an answer.
    public init(id: JobID, outcome: Outcome) {
        self.id = id
        self.outcome = outcome
    }
}
