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
    private static let retriedAfter = Duration.seconds(1)
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
                do {
                    let spots = try await Waitlist.spots(of: id, in: postgres)
                    let pause = max(keptFor, (.now - began) * Self.readingShare)
                    keeper.lists.withLock { lists in
                        if lists.count > Self.keptAtMost { lists = [:] }
                        lists[id] = Kept(spots: spots, until: .now + pause)
                    }
                } catch {
                    // Those who wait see what was last known, as those in the line do.
                    let isKnown = keeper.lists.withLock { lists in
                        lists[id]?.until = .now + Self.retriedAfter
                        return lists[id] != nil
                    }
                    if !isKnown { throw error }
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

    /// The spots by arrival, read unless they were lately; while they can't be, as they were.
    ///
    /// - Throws: ``Problem`` 503; `PostgresError`.
    func spots(of id: OnSaleID) async throws -> [Int64: Waitlist.Spot] {
        if let known = fromMemory(id) { return known }
        _ = try await reader.submit(id)
        return keeper.lists.withLock { $0[id]?.spots } ?? [:]
    }
}
