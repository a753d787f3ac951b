/// How much a log record matters.
///
/// A logger writes those at its own level and above.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    /// Every move; for a developer with one question.
    case trace
    /// What a library has to say about itself.
    case debug
    /// What an operator wants to have read.
    case info
    /// Something was off, and was dealt with.
    case warning
    /// Something was not done.
    case error

    private var rank: Int {
        switch self {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .warning: 3
        case .error: 4
        }
    }

    /// The less important comes first.
    public static func < (left: Self, right: Self) -> Bool {
        left.rank < right.rank
    }
}
