/// Chooses seats for buyers who leave the choice to us.
///
/// It goes down a ladder: neighbours in one row whose taking leaves no single seat behind (an *orphan*: hardly anybody
/// buys it); neighbours that leave one; one row around a gap; two rows behind one another; one section; and at last
/// whatever the tier still has. On each rung the nearest to the section's focus is best. Accessible seats are for those
/// who ask for them, and for others only when a party doesn't fit in what else there is.
///
/// It is a plain value: it knows what is free, and what it gave away is free no more, so that one picker serves a whole
/// batch of requests without giving a seat twice.
struct SeatPicker: Sendable {
    /// Who wants to sit.
    struct Party: Sendable, Hashable {
        var size: Int
        /// How many of them need an accessible seat; the others are their companions.
        var accessible = 0
        /// How far apart they would sit.
        var limit = Together.apart
    }

    /// What a party gets.
    enum Answer: Sendable, Equatable {
        /// The numbers of the seats, ascending, and how the party sits on them.
        case seats([Int], Together)
        /// There are not that many.
        case tooFew
        /// They would have to sit so far apart, which is farther than they want.
        case notTogether(Together)
        /// There are so many accessible seats left: too few, or none that has room for the companions in its section.
        case noAccessible(left: Int)
    }

    /// Seats of one row, as ascending indices into what is free there.
    struct Part: Sendable {
        var row: Int
        var places: [Int]
    }

    /// Seats for a whole party.
    struct Choice: Sendable {
        var together: Together
        var parts: [Part]
    }

    /// What makes one choice worse than another on the same rung, the weightiest first.
    struct Cost: Sendable, Comparable {
        /// What keeps the party apart on this rung; each says in what unit.
        var spread: Int
        /// Accessible seats, which others may need more.
        var accessible: Int
        /// Single seats left behind.
        var orphans: Int
        /// The order of the sections is the promoter's.
        var section: Int
        /// From the focus, all seats together, in half seats.
        var distance: Int

        static func < (one: Self, other: Self) -> Bool {
            (one.spread, one.accessible, one.orphans, one.section, one.distance)
                < (other.spread, other.accessible, other.orphans, other.section, other.distance)
        }
    }

    private(set) var rows: [SeatRow]
    /// How many seats can still be picked.
    private(set) var remaining = 0
    /// How many of them are accessible.
    private(set) var accessible = 0

    /// Makes a picker over the free seats of one tier.
    ///
    /// - Parameter rows: the rows that have free seats; the seats of each ordered by position.
    init(_ rows: [SeatRow]) {
        // The order makes the choice independent of the order in which the database returned the rows.
        self.rows = rows.sorted { ($0.section, $0.row) < ($1.section, $1.row) }
        count()
    }

    /// Takes seats for a party out of what is free.
    ///
    /// O(rows × seats) for a party that fits side by side.
    mutating func pick(_ party: Party) -> Answer {
        guard party.size > 0, party.size <= remaining else { return .tooFew }
        let choice =
            party.accessible > 0 ? accompanied(party.size, party.accessible) : choice(party.size)
        guard let choice else { return .noAccessible(left: accessible) }
        guard choice.together <= party.limit else { return .notTogether(choice.together) }
        return .seats(take(choice.parts), choice.together)
    }

    /// Takes named seats out of what is free, because somebody else has them.
    mutating func remove(_ seats: Set<Int>) {
        for index in rows.indices { rows[index].free.removeAll { seats.contains($0.seat) } }
        count()
    }

    /// The first rung on which a party finds seats.
    private func choice(_ size: Int) -> Choice? {
        let kind: SeatRow.Kind = remaining - accessible >= size ? .ordinary : .any
        if let part = adjacent(size, kind, accessible: 0...size) {
            return Choice(together: .adjacent, parts: [part])
        }
        if let part = aroundGaps(size, kind) { return Choice(together: .row, parts: [part]) }
        if let parts = behindOneAnother(size, kind) { return Choice(together: .rows, parts: parts) }
        return scattered(size, kind)
    }

    /// What taking seats of one row costs.
    func cost(_ row: SeatRow, _ taken: some Collection<Int>, spread: Int = 0) -> Cost {
        Cost(
            spread: spread,
            accessible: taken.count { row.free[$0].accessible },
            orphans: row.orphans(without: taken),
            section: row.section,
            distance: taken.reduce(0) { $0 + row.distance($1) }
        )
    }

    private mutating func take(_ parts: [Part]) -> [Int] {
        var seats: [Int] = []
        // From the back, so that the indices of what is still to be taken stay right.
        let spots = parts.flatMap { part in part.places.map { (part.row, $0) } }
        for (row, index) in spots.sorted(by: >) {
            let place = rows[row].free.remove(at: index)
            seats.append(place.seat)
            remaining -= 1
            if place.accessible { accessible -= 1 }
        }
        return seats.sorted()
    }

    private mutating func count() {
        remaining = rows.reduce(0) { $0 + $1.free.count }
        accessible = rows.reduce(0) { $0 + $1.free.count { $0.accessible } }
    }
}
