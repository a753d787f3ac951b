internal import Postgres
internal import Reactor
internal import Synchronization
internal import Telemetry

/// Where what everybody may see is read: from a replica as long as that is fresh, else from the primary.
///
/// How old a replica's answers are is measured without its clock and without trust in its connection to the primary: the
/// primary is asked how far its log goes, and once the replica has replayed that far it knows all that was committed before
/// the question. A primary that doesn't answer makes the replica stale, too.
final class SharedReads: Sendable {
    /// An answer, and how old it may be beyond the time it was asked for at.
    struct Dated<Value: Sendable>: Sendable {
        let value: Value
        let staleness: Duration
    }

    private struct Mark {
        let position: Int64
        let at: MonotonicTime
    }

    private struct State {
        /// How far the primary's log went when, oldest first.
        var marks: [Mark] = []
        /// Until when the replica knows everything.
        var knownUntil: MonotonicTime?
    }

    private static let pause = Duration.milliseconds(250)
    private static let marksAtMost = 1_000

    private let primary: PostgresClient
    private let replica: PostgresClient?
    private let bound: Duration
    private let logger: Logger
    private let state = Lock(State())
    private let fromReplica: Counter
    private let fromPrimary: Counter
    private let seconds: Gauge

    /// - Parameters:
    ///   - primary: can always be read.
    ///   - replica: is read while it is fresh; nil where there is none.
    ///   - bound: how old its answers may be.
    ///   - metrics: where is read is counted here.
    ///   - logger: hears when the replica can't be used.
    init(
        primary: PostgresClient,
        replica: PostgresClient?,
        bound: Duration,
        metrics: MetricsRegistry,
        logger: Logger
    ) {
        self.primary = primary
        self.replica = replica
        self.bound = bound
        self.logger = logger
        let name = "usher_shared_reads_total"
        let help = "Reads of what everybody may see, by where they were answered."
        fromReplica = metrics.counter(name, help: help, labels: ["from": "replica"])
        fromPrimary = metrics.counter(name, help: help, labels: ["from": "primary"])
        seconds = metrics.gauge(
            "usher_replica_staleness_seconds",
            help: "How old the replica's answers are; -1 while that can't be told."
        )
    }

    /// How old the replica's answers are; nil while that can't be told.
    var staleness: Duration? {
        state.withLock { $0.knownUntil }.map { .now - $0 }
    }

    /// Reads.
    ///
    /// What the replica fails to answer the primary does.
    func read<Value: Sendable>(
        _ work: @Sendable (PostgresClient) async throws -> Value
    ) async throws -> Dated<Value> {
        if let replica, let staleness, staleness <= bound {
            do {
                let value = try await work(replica)
                fromReplica.increment()
                return Dated(value: value, staleness: staleness)
            } catch let error as PostgresError {
                logger.warning("the replica did not answer", ["error": "\(error)"])
            }
        }
        fromPrimary.increment()
        return Dated(value: try await work(primary), staleness: .zero)
    }

    // MARK: Measuring

    /// Measures until the task is cancelled.
    func run() async {
        guard let replica else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.follow(self.primary, "primary") { try await self.mark() } }
            group.addTask { await self.follow(replica, "replica") { try await self.compare(replica) } }
        }
    }

    private func follow(_ client: PostgresClient, _ name: String, _ look: () async throws -> Void) async {
        var isDown = false
        while !Task.isCancelled {
            do {
                try await look()
                isDown = false
            } catch  where !Task.isCancelled {
                if !isDown {
                    logger.warning("the \(name) can't be asked how far it is", ["error": "\(error)"])
                }
                isDown = true
            } catch {
                return
            }
            seconds.set(staleness?.seconds ?? -1)
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func mark() async throws {
        let at = MonotonicTime.now
        let rows = try await primary.query(
            Query("replica.primary_position", "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        )
        let position: Int64 = try rows[0][0]
        state.withLock { state in
            if state.marks.count >= Self.marksAtMost { state.marks.removeFirst() }
            state.marks.append(Mark(position: position, at: at))
        }
    }

    private func compare(_ replica: PostgresClient) async throws {
        // Null once it has been promoted: then it is no replica of this primary.
        let rows = try await replica.query(
            Query(
                "replica.position",
                """
                SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END
                """
            )
        )
        let position: Int64? = try rows[0][0]
        state.withLock { state in
            guard let position else {
                state.knownUntil = nil
                return
            }
            guard let last = state.marks.lastIndex(where: { $0.position <= position }) else { return }
            let at = state.marks[last].at
            if state.knownUntil.map({ $0 < at }) ?? true { state.knownUntil = at }
            state.marks.removeSubrange(..<last)
        }
    }
}
