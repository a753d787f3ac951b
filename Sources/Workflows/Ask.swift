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
        /// Runs in the cohort's transaction; each of its statements may take so long.
        case step(Duration?, @Sendable (inout Transaction) async throws -> Value)
        /// Runs in the cohort's transaction together with its like.
        case cohort(any CohortStep)
        /// Enqueues a job.
        case start(NewJob)
        /// Enqueues the children of a fan-out, whose ends are counted under this name.
        case fanOut(String, [NewJob])
        /// Reaches outside, after the commit.
        case effect(Effect)
        /// Waits for events or an instant.
        case wait([WaitCondition])
        /// Ends the run by a function of SQL, together with its like; if that turns it down, the code goes on after that
        /// one of the waits whose number this is.
        case expire(any CohortStep, wait: Int, of: [WaitCondition])
    }

    enum Answer: Sendable {
        case value(any Sendable)
        case won(index: Int, payload: JSONB)
    }

    let key: String
    let kind: Kind
    let continuation: CheckedContinuation<Answer, any Error>

    /// Whether what it makes belongs to the run.
    var startsChildren: Bool {
        switch kind {
        case .start(let job): job.parent != nil
        case .fanOut: true
        case .step, .cohort, .effect, .wait, .expire: false
        }
    }

    /// Whether what does it may look at the run's row, or at what belongs to it.
    var needsRow: Bool {
        switch kind {
        case .step, .start, .fanOut: true
        case .cohort, .expire, .effect, .wait: false
        }
    }

    var isTransactional: Bool {
        switch kind {
        case .step, .cohort, .start, .fanOut, .expire: true
        case .effect, .wait: false
        }
    }
}
