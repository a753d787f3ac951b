/// What a job's code says of its own failure, in place of what its retry policy would do.
///
/// Throw it, or answer it from ``JobDefinition/verdict(on:)`` to say it of errors that others throw. Effects of
/// workflows may throw it, too.
public enum JobVerdict: Error, Sendable, Hashable, CustomStringConvertible {
    /// Trying again is useless: the job fails at once, and is kept as a dead letter with this reason.
    case discard(String)
    /// A failed attempt like others, but this once with another delay.
    case retry(after: Duration, String = "asked to be tried again")
    /// Not now: the job comes back later, and nothing is counted.
    case snooze(for: Duration)

    /// The reason, in one line.
    public var description: String {
        switch self {
        case .discard(let reason), .retry(_, let reason): reason
        case .snooze: "asked to come back later"
        }
    }
}
