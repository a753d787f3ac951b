public import Postgres

/// A cohort step that may fail for some of its runs and not for others.
///
/// What it does for a run that it answers with a failure must be nothing. That run's code gets the error thrown; its
/// neighbours go on.
public protocol PartialCohortStep: CohortStep {
    /// Performs the step for all members.
    ///
    /// - Parameters:
    ///   - batch: the runs that reached this step, at least one.
    ///   - transaction: commits with the checkpoints of all of them. It may be rolled back and run again.
    /// - Returns: an output or an error per member, in the same order.
    /// - Throws: anything; the batch is then tried again by halves.
    static func attempt(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Result<Output, any Error>]
}

extension PartialCohortStep {
    /// Performs the step, and throws the first failure.
    public static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Output] {
        try await attempt(batch, in: &transaction).map { try $0.get() }
    }

    /// Performs the step for all members, each with its own end.
    public static func attempts(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Result<Output, any Error>] {
        try await attempt(batch, in: &transaction)
    }
}
