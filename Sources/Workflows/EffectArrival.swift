internal import Jobs
internal import Postgres
internal import Reactor

/// An effect that ended and waits to be recorded.
struct EffectArrival: Sendable {
    /// The checkpoint key it was asked for under.
    let key: String
    let effect: Ask.Effect
    let result: Result<Ask.Value, any Error>

    /// What is kept of it: the result, the time of the next attempt, or the error after the last.
    func checkpoint(now: PostgresTimestamp) -> Checkpoint {
        switch result {
        case .success(let value):
            return .result(value.json)
        case .failure(let error):
            guard let again = effect.retry.next(JobVerdict(of: error), failures: effect.failures) else {
                return .error("\(error)")
            }
            return .retry(failures: again.failures, notBefore: now + again.delay, error: "\(error)")
        }
    }
}
