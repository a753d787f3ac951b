internal import Reactor

/// Names that were claimed and that this process has no code for.
///
/// While a new version rolls out, old workers claim jobs that only new ones know; those are put back uncounted. A
/// name that stays unknown for longer than the grace is nobody's, and its jobs are parked.
package final class UnknownNames: Sendable {
    /// How long a job of an unknown name is left to others before it is claimed again.
    package static let delay = Duration.seconds(5)

    private let firstMet = Lock<[String: MonotonicTime]>([:])
    private let grace: Duration

    package init(grace: Duration) {
        self.grace = grace
    }

    /// Whether the name may become known yet, counted from when this process first met it.
    package func isTemporary(_ name: String) -> Bool {
        let now = MonotonicTime.now
        let met = firstMet.withLock { met in
            let first = met[name] ?? now
            met[name] = first
            return first
        }
        return now - met < grace
    }
}
