internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// Who waits for what comes back, read about once a second per on-sale however many ask.
final class Waitlists: Sendable {
    private struct Kept {
        var spots: [Int64: Waitlist.Spot]
        var until: MonotonicTime
    }

    private final class Keeper: Sendable {
        let lists = Lock<[OnSaleID: Kept]>([:])
    }

    private static let keptAtMost = 1_000
    /// A list that takes long to read is read the more rarely.
    private static let readingShare = 20

    /// Reads the lists that are asked for; everyone who asks meanwhile shares the next reading.
    let reader: Batcher<OnSaleID, Bool>
    private let keeper: Keeper

    init(postgres: PostgresClient, keptFor: Duration = .seconds(1)) {
        let keeper = Keeper()
        self.keeper = keeper
        reader = Batcher(limit: 10_000, committers: 1) { asked in
            for id in Set(asked) {
                let began = MonotonicTime.now
                let spots = try await Waitlist.spots(of: id, in: postgres)
                let pause = max(keptFor, (.now - began) * Self.readingShare)
                keeper.lists.withLock { lists in
                    if lists.count > Self.keptAtMost { lists = [:] }
                    lists[id] = Kept(spots: spots, until: .now + pause)
                }
            }
            return asked.map { _ in true }
        }
    }

    /// The spots by arrival, if they were read lately.
    func fromMemory(_ id: OnSaleID) -> [Int64: Waitlist.Spot]? {
        keeper.lists.withLock { lists in
            guard let kept = lists[id], kept.until > .now else { return nil }
            return kept.spots
        }
    }

    /// Reads a list, unless it was read lately.
    ///
    /// - Throws: ``Problem`` 503; `PostgresError`.
    func refresh(_ id: OnSaleID) async throws {
        guard fromMemory(id) == nil else { return }
        _ = try await reader.submit(id)
    }
}
