package import Postgres

/// What a go at a job ended in, as it is written in the go's commit.
package struct JobOutcome: Sendable {
    /// Where a job goes next.
    package enum Next: Sendable {
        case done(output: JSONB)
        case failed(error: String, kind: DeadLetter.Kind = .failed)
        case cancelled
        /// Back to a queue at once.
        case ready(queue: String)
        /// Back after a failed attempt.
        case retry(at: PostgresTimestamp, failures: Int16, error: String)
        /// Parked until an event of one of these names, or the instant.
        case waiting(events: [String], until: PostgresTimestamp?)
        /// Parked until somebody resumes it; the error says why, if nobody asked for it.
        case paused(error: String?)
        /// Starts over with a new input.
        case again(input: JSONB, at: PostgresTimestamp)

        /// Whether the job never runs again.
        package var isEnd: Bool {
            switch self {
            case .done, .failed, .cancelled: true
            case .ready, .retry, .waiting, .paused, .again: false
            }
        }
    }

    package let id: JobID
    package let next: Next
    /// Whether it has code to run when it is cancelled while nobody drives it.
    package let cleansUp: Bool

    /// What ends it when the time comes that it waits for, or what has ended it.
    package let transition: RunTransition?

    package init(id: JobID, next: Next, cleansUp: Bool = false, transition: RunTransition? = nil) {
        self.id = id
        self.next = next
        self.cleansUp = cleansUp
        self.transition = transition
    }
}
