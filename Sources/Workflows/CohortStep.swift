public import Jobs
public import Postgres

/// A transactional step that is performed for all runs of a cohort at once.
///
/// What would be a statement per run is one statement for hundreds, in one commit. A refusal of one run is a value
/// of `Output`; throwing fails the whole batch, which is then tried again by halves.
public protocol CohortStep: Sendable {
    /// What each run gets back.
    associatedtype Output: Codable & Sendable
    /// The step's name, part of its checkpoint's key.
    static var name: String { get }
    /// Performs the step for all members.
    ///
    /// - Parameters:
    ///   - batch: the runs that reached this step, at least one. In the first go of a run that is started eagerly, there
    ///     is no row of it yet.
    ///   - transaction: commits with the checkpoints of all of them. It may be rolled back and run again.
    /// - Returns: one output per member, in the same order.
    /// - Throws: anything; the batch is then tried again by halves.
    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Output]
    /// Performs the step for all members, each with its own end; see ``PartialCohortStep``.
    static func attempts(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Result<Output, any Error>]
}

extension CohortStep {
    /// Performs the step, which goes well for all members or for none.
    public static func attempts(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Result<Output, any Error>] {
        try await perform(batch, in: &transaction).map { .success($0) }
    }
}

/// One run of a cohort and what it asks of the step.
public struct CohortMember<Step: CohortStep>: Sendable {
    /// The run.
    public let runID: JobID
    /// The step with this run's parameters.
    public let step: Step

    /// Pairs a run with its step.
    public init(runID: JobID, step: Step) {
        self.runID = runID
        self.step = step
    }
}
