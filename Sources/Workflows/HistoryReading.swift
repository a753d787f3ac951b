/// How far a run's code has come in its own history while it is replayed, and whether the two fit.
///
/// Code and history fit if the code asks for everything that is recorded before it goes on to anything new.
struct HistoryReading: Sendable {
    /// Recorded keys that the code has not asked for, in the order in which they were recorded.
    private var unread: [String: Int] = [:]
    /// What does not fit, in words.
    var difference: String?

    init(of keys: [String]) {
        for (index, key) in keys.enumerated() where unread[key] == nil { unread[key] = index }
    }

    /// Whether the code has asked for all there is.
    var isThrough: Bool { unread.isEmpty }

    /// What comes next in it.
    var first: String? { unread.min { $0.value < $1.value }?.key }

    mutating func asked(for key: String) {
        unread[key] = nil
    }

    /// What the code has left out, once it has come to rest.
    func missing(asking keys: [String], hasEnded: Bool) -> String? {
        guard let first else { return nil }
        let more = unread.count == 1 ? "" : " (and \(unread.count - 1) more)"
        let instead =
            if let key = keys.min() { "it asks for \"\(key)\"" } else if hasEnded { "it ends" } else {
                "it waits"
            }
        return "the history has \"\(first)\"\(more), which the code never asks for; \(instead) instead"
    }
}
