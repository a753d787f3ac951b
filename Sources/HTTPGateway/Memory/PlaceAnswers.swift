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
    /// How many wait for what comes back up to this one; nil off the waitlist.
    var waitlistPosition: Int?
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
    /// As long as it takes until on-sale and waitlist have been read again.
    private static let spotKeptFor = Duration.milliseconds(2_500)
    private static let keptAtMost = 50_000

    let waitlists: Waitlists
    private let places: Places
    private let state = Lock(State())

    init(places: Places, waitlists: Waitlists) {
        self.places = places
        self.waitlists = waitlists
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
        if onSale.hasWaitlist {
            return waitlists.fromMemory(onSale.id).flatMap { Self.standing(token, number, in: $0) }
        }
        if number <= onSale.facts.serving { return nil }
        return PlaceStanding(state: onSale.facts.state.isOver ? .done : .waiting, number: number)
    }

    /// A place once everything is sold; nil when it is its turn, of which only the database knows until when.
    private static func standing(
        _ token: PlaceToken,
        _ number: Int64,
        in spots: [Int64: Waitlist.Spot]
    ) -> PlaceStanding? {
        switch spots[token.arrival] {
        case .waiting(let position):
            PlaceStanding(state: .waiting, number: number, isAgain: true, waitlistPosition: position)
        case .turn: nil
        case nil: PlaceStanding(state: .done, number: number)
        }
    }

    /// The place as the waitlist has it, or else as the database knows it.
    ///
    /// - Throws: ``Problem`` 404 or 503; `PostgresError`.
    func read(_ token: PlaceToken, _ onSale: OnSaleSnapshot) async throws -> PlaceStanding {
        if onSale.hasWaitlist, let number = onSale.order?.number(ofArrival: token.arrival) {
            let spots = try await waitlists.spots(of: onSale.id)
            if let known = Self.standing(token, number, in: spots) { return known }
        }
        return try await read(token)
    }

    private func read(_ token: PlaceToken) async throws -> PlaceStanding {
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
        keep(standing, of: token.place, for: Self.keptFor)
        return standing
    }

    /// Takes in a place that got its spot on the waitlist here: what is in memory doesn't have it yet.
    func keep(_ token: PlaceToken, _ onSale: OnSaleSnapshot, waitlistPosition: Int) {
        let standing = PlaceStanding(
            state: .waiting,
            number: onSale.order?.number(ofArrival: token.arrival),
            isAgain: true,
            waitlistPosition: waitlistPosition
        )
        keep(standing, of: token.place, for: Self.spotKeptFor)
    }

    private func keep(_ standing: PlaceStanding, of place: PlaceID, for duration: Duration) {
        state.withLock { state in
            if state.kept.count >= Self.keptAtMost { state.kept = [:] }
            state.kept[place] = Kept(standing: standing, until: .now + duration)
        }
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
