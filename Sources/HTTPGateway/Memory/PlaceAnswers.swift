internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// Where a place stands, as far as its buyer is told.
struct PlaceStanding: Sendable {
    var state: PlaceView.State
    /// The place's order; nil before the draw.
    var number: Int64?
    /// Until when a called buyer can come in.
    var turnExpiresAt: PostgresTimestamp?
    /// Whether it waits for, or has, a turn after its first.
    var isAgain = false
}

/// Answers where a place stands: from memory while it waits, and by a briefly kept read once it was called.
final class PlaceAnswers: Sendable {
    private struct Kept {
        var standing: PlaceStanding
        var until: MonotonicTime
    }

    private struct State {
        var kept: [PlaceID: Kept] = [:]
        /// Places that were given up here: their tokens still look as if they waited.
        var left: Set<PlaceID> = []
    }

    private static let keptFor = Duration.milliseconds(500)
    private static let keptAtMost = 50_000

    private let places: Places
    private let state = Lock(State())

    init(places: Places) {
        self.places = places
    }

    /// The place as memory knows it; nil when only the database can tell.
    func fromMemory(_ token: PlaceToken, _ onSale: OnSaleSnapshot) -> PlaceStanding? {
        let (hasLeft, kept) = state.withLock { state in
            (state.left.contains(token.place), state.kept[token.place])
        }
        if hasLeft { return PlaceStanding(state: .left) }
        if let kept, kept.until > .now { return kept.standing }
        guard let number = onSale.order?.number(ofArrival: token.arrival) else {
            return PlaceStanding(state: onSale.facts.state.isOver ? .done : .prequeue)
        }
        if number <= onSale.facts.serving { return nil }
        // On the waitlist, perhaps.
        if onSale.facts.state == .soldOut, onSale.facts.hasReoffers { return nil }
        return PlaceStanding(state: onSale.facts.state.isOver ? .done : .waiting, number: number)
    }

    /// The place as the database knows it.
    ///
    /// - Throws: ``Problem`` 404; `PostgresError`.
    func read(_ token: PlaceToken) async throws -> PlaceStanding {
        guard let view = try await places.view(token.onSale, arrival: token.arrival, place: token.place)
        else {
            throw Problem.unknownPlace
        }
        let standing = PlaceStanding(
            state: view.state,
            number: view.number,
            turnExpiresAt: view.turnExpiresAt,
            isAgain: view.isAgain
        )
        state.withLock { state in
            if state.kept.count >= Self.keptAtMost { state.kept = [:] }
            state.kept[token.place] = Kept(standing: standing, until: .now + Self.keptFor)
        }
        return standing
    }

    /// Gives a place up.
    ///
    /// - Throws: ``Problem`` 404; `PostgresError`.
    func leave(_ token: PlaceToken) async throws {
        guard try await places.leave(token.onSale, arrival: token.arrival, place: token.place) else {
            throw Problem.unknownPlace
        }
        state.withLock { state in
            state.kept[token.place] = nil
            if state.left.count >= Self.keptAtMost { state.left = [] }
            state.left.insert(token.place)
        }
    }

    /// Forgets what was kept of a place that has just changed.
    func forget(_ place: PlaceID) {
        state.withLock { $0.kept[place] = nil }
    }
}
