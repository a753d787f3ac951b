internal import Jobs
internal import Postgres

/// What a path of a run's code is waiting for its driver to do.
struct Ask: Sendable {
    /// A step's value as the code gets it, with the JSON that is kept of it.
    struct Value: Sendable {
        let json: JSONB
        let value: any Sendable
    }

    struct Effect: Sendable {
        let queue: String?
        let retry: RetryPolicy
        let timeout: Duration?
        let failures: Int
        let perform: @Sendable (_ idempotencyKey: String) async throws -> Value
    }

    enum Kind: Sendable {
        /// Runs in the cohort's transaction.
        case step(@Sendable (inout Transaction) async throws -> Value)
        /// Runs in the cohort's transaction together with its like.
        case cohort(any CohortStep)
        /// Enqueues a job.
        case start(NewJob)
        /// Reaches outside, after the commit.
        case effect(Effect)
        /// Waits for events or an instant.
        case wait([(event: String?, deadline: PostgresTimestamp?)])
    }

    enum Answer: Sendable {
        case value(any Sendable)
        case won(index: Int, payload: JSONB)
    }

    let key: String
    let kind: Kind
    let continuation: CheckedContinuation<Answer, any Error>

    var isTransactional: Bool {
        switch kind {
        case .step, .cohort, .start: true
        case .effect, .wait: false
        }
    }
}
