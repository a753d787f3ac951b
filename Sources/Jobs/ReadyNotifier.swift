package import Postgres
internal import Reactor

/// Tells idle workers, after a commit, that a queue has work: at most one NOTIFY per few milliseconds.
///
/// Never inside a producer's transaction: a notifying commit takes a lock of the whole server until after its
/// fsync. A lost notification costs one polling interval, no more, so errors are ignored.
package final class ReadyNotifier: Sendable {
    /// The channel's name is this and the schema's name.
    package static let channelPrefix = "usher_ready_"
    /// In place of a queue's name: a running job is to be cancelled.
    package static let cancellations = "*cancellations"

    private struct State {
        /// Queues with news, and the leaf that has it where that is one and known.
        var pending: [String: Int32?] = [:]
        var sending = false
    }

    /// Parts a queue's name from the leaf's number.
    private static let separator: Character = "\u{1F}"

    /// What comes within this time of a notification goes with the next one.
    private static let gap = Duration.milliseconds(3)

    private let postgres: PostgresClient
    private let state = Lock(State())

    package init(postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// Tells that these queues have work.
    package func wake(_ queues: some Sequence<String>) {
        wake { pending in for queue in queues { pending.updateValue(nil, forKey: queue) } }
    }

    /// Tells that a queue has work, and in which leaf: who is idle need not look for it.
    package func wake(_ queue: String, leaf: Int32) {
        wake { pending in
            if pending[queue] == nil || pending[queue] == leaf {
                pending.updateValue(leaf, forKey: queue)
            } else {
                pending.updateValue(nil, forKey: queue)
            }
        }
    }

    /// Reads what is heard: the queue, and the leaf where one is named.
    package static func read(_ payload: String) -> (queue: String, leaf: Int32?) {
        guard let at = payload.lastIndex(of: separator) else { return (payload, nil) }
        return (String(payload[..<at]), Int32(payload[payload.index(after: at)...]))
    }

    private func wake(_ note: (inout [String: Int32?]) -> Void) {
        let mustSend = state.withLock { state in
            note(&state.pending)
            guard !state.sending, !state.pending.isEmpty else { return false }
            state.sending = true
            return true
        }
        guard mustSend else { return }
        // Detached from the caller on purpose: its commit is durable, and it must not wait for this. Sent from its
        // thread, because another's would have to wake up first.
        Task.immediate { await send() }
    }

    private func send() async {
        while true {
            let news = state.withLock { state in
                defer { state.pending.removeAll() }
                if state.pending.isEmpty { state.sending = false }
                return state.pending.map { queue, leaf in
                    leaf.map { "\(queue)\(Self.separator)\($0)" } ?? queue
                }
            }
            guard !news.isEmpty else { return }
            _ = try? await postgres.query(
                Query(
                    "ready_notify",
                    """
                    SELECT pg_notify(\(Self.channelPrefix) || current_schema(), news)
                    FROM unnest(\(news)) AS n (news)
                    """
                )
            )
            // The first of a burst is told at once; the others gather.
            try? await Task.sleep(for: Self.gap)
        }
    }
}
