public import Jobs
public import Postgres

/// One go at a job that a test had performed.
public struct PerformedJob: Sendable {
    /// How a go ended.
    public enum Outcome: Sendable, Hashable {
        /// Well, perhaps with an output.
        case done(output: JSONB?)
        /// It failed and comes back, with so many failures counted.
        case retried(after: Duration, failures: Int, error: String)
        /// It comes back, and nothing was counted.
        case snoozed(for: Duration)
        /// It failed for good and is a dead letter.
        case failed(DeadLetter.Kind, error: String)
    }

    /// The job's number.
    public let id: JobID
    /// The name its code is registered under.
    public let name: String
    /// Which attempt this was, from 1.
    public let attempt: Int
    /// How it ended.
    public let outcome: Outcome

    init(_ job: ClaimedJob, _ end: JobEnd.Next) {
        id = job.id
        name = job.name
        attempt = Int(job.failures) + 1
        outcome =
            switch end {
            case .done(let output): .done(output: output)
            case .failed(_, let error, let kind): .failed(kind, error: error)
            case .retry(let delay, let failures, let error):
                failures == job.failures
                    ? .snoozed(for: delay)
                    : .retried(after: delay, failures: Int(failures), error: error ?? "")
            case .cancelled(let reason): .failed(.failed, error: reason)
            case .handedBack: .snoozed(for: .zero)
            }
    }
}

/// A job that a test has claimed and not performed yet.
public struct HeldJob: Sendable {
    let job: ClaimedJob

    /// The job's number.
    public var id: JobID { job.id }
    /// The name its code is registered under.
    public var name: String { job.name }
    /// Which attempt this would be, from 1.
    public var attempt: Int { Int(job.failures) + 1 }
    /// What it was enqueued with, as it is stored.
    public var input: JSONB { job.input }
}
