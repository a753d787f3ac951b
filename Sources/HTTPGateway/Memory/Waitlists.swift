internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// Who waits for what comes back, read about once a second per on-sale however many ask.
///
/// While the database is away those who wait see what was last known, as those in the line do.
final class Waitlists: Sendable {
    private struct Kept {
        var spots: [Int64: Waitlist.Spot]
        /// When to read it again.
        var due: MonotonicTime
        var askedAt = MonotonicTime.now
    }

    private final class Keeper: Sendable {
        let lists = Lock<[OnSaleID: Kept]>([:])
    }

    private static let pause = Duration.seconds(1)
    /// A list that takes long to read is read the more rarely.
    private static let readingShare = 20
    /// A list that nobody has asked for so long is forgotten.
    private static let forgottenAfter = Duration.seconds(120)

    /// Reads the lists that nobody has asked for before; everyone who asks meanwhile shares the reading.
    let reader: Batcher<OnSaleID, Bool>
    private let postgres: PostgresClient
    private let logger: Logger
    private let keeper: Keeper

    init(postgres: PostgresClient, logger: Logger) {
        let keeper = Keeper()
        self.keeper = keeper
        self.postgres = postgres
        self.logger = logger
        reader = Batcher(limit: 10_000, committers: 1) { asked in
            for id in Set(asked) where keeper.lists.withLock({ $0[id] == nil }) {
                try await Self.read(id, postgres, keeper)
            }
            return asked.map { _ in true }
        }
    }

    /// The spots by arrival, if they are kept.
    func fromMemory(_ id: OnSaleID) -> [Int64: Waitlist.Spot]? {
        keeper.lists.withLock { lists in
            lists[id]?.askedAt = .now
            return lists[id]?.spots
        }
    }

    /// The spots by arrival, read if they are not kept.
    ///
    /// - Throws: ``Problem`` 503; `PostgresError`.
    func spots(of id: OnSaleID) async throws -> [Int64: Waitlist.Spot] {
        if let known = fromMemory(id) { return known }
        _ = try await reader.submit(id)
        return fromMemory(id) ?? [:]
    }

    /// Keeps what is asked for up to date until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            // It throws only when the task is cancelled, which the loop sees.
            try? await Task.sleep(for: Self.pause)
            await refresh(dueBy: .now)
        }
    }

    /// Reads again what is due by then.
    func refresh(dueBy now: MonotonicTime) async {
        let due = keeper.lists.withLock { lists in
            lists = lists.filter { now - $0.value.askedAt < Self.forgottenAfter }
            return lists.filter { $0.value.due <= now }.map(\.key).sorted()
        }
        for id in due {
            do {
                try await Self.read(id, postgres, keeper)
            } catch  where !Task.isCancelled {
                logger.warning("could not read a waitlist", ["on_sale": id.publicID, "error": "\(error)"])
            } catch {
                return
            }
        }
    }

    private static func read(_ id: OnSaleID, _ postgres: PostgresClient, _ keeper: Keeper) async throws {
        let began = MonotonicTime.now
        let spots = try await Waitlist.spots(of: id, in: postgres)
        // The next round should find it due again.
        let due = began + max(.milliseconds(500), (.now - began) * readingShare)
        keeper.lists.withLock { lists in
            lists[id] = Kept(spots: spots, due: due, askedAt: lists[id]?.askedAt ?? .now)
        }
    }
}
