internal import BoxOffice
internal import Postgres
internal import Reactor
internal import Telemetry

/// The on-sales as this gateway knows them, read once a second whoever asks.
///
/// What was seen of an on-sale never goes back: an answer with a smaller `seq`, from a replica or a slow
/// connection, is passed over, and one that was asked for earlier says nothing of on-sales that it does not have.
final class OnSaleBoard: Sendable {
    private struct State {
        var snapshots: [OnSaleID: OnSaleSnapshot] = [:]
        /// When the latest of the reads that were answered began.
        var lastRefresh: MonotonicTime?
        /// Whether the last read found no database in all the time that it may wait for one.
        var isCutOff = false
        var stretch = PollStretch()
        /// How late the latest loop was since the last read.
        var delay = Duration.zero
    }

    /// What the database last said is older than this: whoever is told of it is told that, too.
    private static let staleAfter = Duration.seconds(5)

    let clock = DatabaseClock()
    private let reads: SharedReads
    private let orders: DrawOrders
    private let logger: Logger
    private let state = Lock(State())

    init(reads: SharedReads, orders: DrawOrders, logger: Logger) {
        self.reads = reads
        self.orders = orders
        self.logger = logger
    }

    /// An on-sale, if the board has it.
    subscript(id: OnSaleID) -> OnSaleSnapshot? {
        state.withLock { $0.snapshots[id] }
    }

    /// All on-sales, oldest first.
    var all: [OnSaleSnapshot] {
        state.withLock { Array($0.snapshots.values) }.sorted { $0.id < $1.id }
    }

    /// How old what the database last answered is, by when it was asked; nil when it never answered.
    var age: Duration? {
        state.withLock { $0.lastRefresh }.map { .now - $0 }
    }

    /// Whether what the board knows is only what it last heard, some time ago.
    var isStale: Bool { age.map { $0 > Self.staleAfter } ?? true }

    /// Whether the database can't be reached at all: what needs it can be refused at once, as waiting for it would end
    /// in the same answer, later.
    var isCutOff: Bool { state.withLock { $0.isCutOff } }

    /// Takes in how late a loop came to its work; the next documents tell clients to come less often while any is.
    func note(delay: Duration) {
        state.withLock { $0.delay = max($0.delay, delay) }
    }

    /// Reads once a second until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            state.withLock { state in
                state.stretch = state.stretch.following(state.delay)
                state.delay = .zero
            }
            do {
                try await refresh()
            } catch  where !Task.isCancelled {
                if (error as? PostgresError)?.code == .connection { state.withLock { $0.isCutOff = true } }
                logger.warning("could not refresh the on-sales", ["error": "\(error)"])
            } catch {
                return
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Reads every on-sale that is under way or has lately been.
    func refresh() async throws {
        let began = MonotonicTime.now
        let found = try await reads.read { try await OnSaleStatus.all(in: $0) }
        try await take(found.value, askedAt: began, staleness: found.staleness)
    }

    /// Takes in an answer; reads overlap, and the one that was asked for first may be answered last.
    ///
    /// - Parameters:
    ///   - found: all there is.
    ///   - asked: when it was asked for.
    ///   - staleness: how much older it may be.
    /// - Throws: `PostgresError` when an order can't be read.
    func take(
        _ found: [OnSaleStatus],
        askedAt asked: MonotonicTime,
        staleness: Duration = .zero
    ) async throws {
        var fresh: [OnSaleSnapshot] = []
        let stretch = state.withLock { $0.stretch }
        for facts in found {
            fresh.append(OnSaleSnapshot(facts, order: try await order(of: facts), stretch: stretch))
        }
        if let readAt = found.first?.readAt { clock.set(readAt, at: asked) }
        let began = MonotonicTime(nanoseconds: asked.nanoseconds - UInt64(staleness.nanoseconds))
        state.withLock { state in
            let isLatest = state.lastRefresh.map { $0 <= began } ?? true
            // One that was scheduled after an early question is not in its late answer.
            var snapshots = isLatest ? [:] : state.snapshots
            for snapshot in fresh {
                let known = state.snapshots[snapshot.id]
                let isOlder = known.map { Self.isOlder(snapshot.facts, than: $0.facts) } ?? false
                snapshots[snapshot.id] = isOlder ? known : snapshot
            }
            state.snapshots = snapshots
            state.isCutOff = false
            if isLatest { state.lastRefresh = began }
        }
    }

    private static func isOlder(_ facts: OnSaleStatus, than known: OnSaleStatus) -> Bool {
        (facts.seq, facts.readAt) < (known.seq, known.readAt)
    }

    /// A large draw takes up to a second, which no loop can spare.
    private func order(of facts: OnSaleStatus) async throws -> DrawOrder? {
        guard let key = facts.drawKey, let entries = facts.entries else { return nil }
        if let known = self[facts.id], known.facts.drawKey == key, let order = known.order { return order }
        let orders = orders
        let priorities = try await reads.read { try await orders.priorities(of: facts.id, in: $0) }.value
        return try await Thread.run(name: "draw") {
            orders.order(of: facts.id, key: key, count: Int(entries), priorities: priorities)
        }
    }
}
