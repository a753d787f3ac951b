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
        var pending: Set<String> = []
        var sending = false
    }

    /// What comes within this time of a notification goes with the next one.
    private static let gap = Duration.milliseconds(3)

    private let postgres: PostgresClient
    private let state = Lock(State())

    package init(postgres: PostgresClient) {
        self.postgres = postgres
    }

    package func wake(_ queues: some Sequence<String>) {
        let mustSend = state.withLock { state in
            state.pending.formUnion(queues)
            guard !state.sending, !state.pending.isEmpty else { return false }
            state.sending = true
            return true
        }
        guard mustSend else { return }
        // Detached from the caller on purpose: its commit is durable, and it must not wait for this.
        Task { await send() }
    }

    private func send() async {
        while true {
            let queues = state.withLock { state in
                defer { state.pending.removeAll() }
                if state.pending.isEmpty { state.sending = false }
                return Array(state.pending)
            }
            guard !queues.isEmpty else { return }
            _ = try? await postgres.query(
                Query(
                    "ready_notify",
                    """
                    SELECT pg_notify(\(Self.channelPrefix) || current_schema(), queue)
                    FROM unnest(\(queues)) AS q (queue)
                    """
                )
            )
            // The first of a burst is told at once; the others gather.
            try? await Task.sleep(for: Self.gap)
        }
    }
}
