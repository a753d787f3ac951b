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
        /// Starts over with a new input.
        case again(input: JSONB, at: PostgresTimestamp)
    }

    package let id: JobID
    package let next: Next

    package init(id: JobID, next: Next) {
        self.id = id
        self.next = next
    }
}
