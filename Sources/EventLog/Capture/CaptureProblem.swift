/// Why facts can't be captured, in words that say what to do.
package enum CaptureProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The server's log doesn't have what decoding needs.
    case notLogical(level: String)
    /// Somebody dropped the slot that was read before.
    case slotMissing(String, told: Int64)
    /// The server has thrown away what the slot was to read.
    case slotLost(String, told: Int64)
    /// The slot is another's.
    case slotForeign(String, reason: String)
    /// The server had to keep more for the slot than it may, so the slot was dropped.
    case tooMuchRetained(String, bytes: Int64, most: Int64, told: Int64)
    /// The log's retention has dropped facts that were not told.
    case factsDropped(after: Int64, through: Int64)
    /// The publication of that name is not ours, or came after what the slot has to read.
    case publicationUnfit(String, reason: String)
    /// The consumer of that name has parts that others work on.
    case consumerUnfit(String, parts: Int)
    /// Somebody has replayed the consumer, or another process has taken it over.
    case moved
    /// What came is not what was asked for.
    case unreadable(String)

    /// Whether beginning anew helps, without anybody's doing.
    var isPassing: Bool { self == .moved }

    /// One line, with what to do.
    package var description: String {
        switch self {
        case .notLogical(let level):
            "the server's wal_level is \(level): set wal_level = logical and restart it"
        case .slotMissing(let slot, let told):
            "the replication slot \(slot) is gone, somebody has dropped it; \(Self.remedy(told))"
        case .slotLost(let slot, let told):
            "the replication slot \(slot) is lost, it was further behind than max_slot_wal_keep_size; "
                + Self.remedy(told)
        case .slotForeign(let slot, let reason):
            "the replication slot \(slot) can't be read: \(reason); choose another with --slot"
        case .tooMuchRetained(let slot, let bytes, let most, let told):
            "the server kept \(bytes) bytes for the replication slot \(slot), more than \(most): the slot was dropped "
                + "to protect its disk; \(Self.remedy(told))"
        case .factsDropped(let after, let through):
            "the facts after \(after) up to \(through) were dropped by the log's retention before they were told; "
                + "start once with --resync to go on behind them"
        case .publicationUnfit(let name, let reason):
            "the publication \(name) can't be used: \(reason)"
        case .consumerUnfit(let name, let parts):
            "the consumer \(name) has \(parts) parts, and a bridge works on one: choose another name"
        case .moved:
            "the position was moved by a replay or by another process"
        case .unreadable(let what):
            what
        }
    }

    private static func remedy(_ told: Int64) -> String {
        "start once with --resync: it reads the log from fact \(told) on and goes on from a new slot"
    }
}
