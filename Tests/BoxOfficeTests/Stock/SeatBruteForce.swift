@testable import BoxOffice

/// The best seats for a party, found by looking at every set of seats that there is: slow, and by other code than
/// ``SeatPicker``'s.
struct SeatBruteForce {
    struct Seat {
        var row: SeatRow
        var place: SeatRow.Place

        var aside: Int { 2 * place.position - row.middle }
        var distance: Int { 4 * abs(row.row - row.focus.row) + abs(aside - row.focus.aside) }

        func isBeside(_ other: Seat) -> Bool {
            (row.section, row.row) == (other.row.section, other.row.row)
                && abs(place.position - other.place.position) == 1
        }
    }

    /// How a set of seats is weighed; the less, the better.
    struct Verdict: Equatable {
        var together: Together
        var weights: [Int]

        func isBetter(than other: Verdict) -> Bool {
            together != other.together
                ? together < other.together : weights.lexicographicallyPrecedes(other.weights)
        }
    }

    let free: [Seat]

    init(_ rows: [SeatRow]) {
        free = rows.flatMap { row in row.free.map { Seat(row: row, place: $0) } }
    }

    var accessible: Int { free.count { $0.place.accessible } }

    /// The verdict on the best set for a party; nil if there is none.
    func best(_ party: SeatPicker.Party) -> Verdict? {
        if party.accessible == 0 {
            let ordinary = free.filter { !$0.place.accessible }
            return best(party.size, of: ordinary.count >= party.size ? ordinary : free) { self.verdict($0) }
        }
        let exact = best(party.size, of: free) { set in
            set.count { $0.place.accessible } == party.accessible ? self.accompanied(set) : nil
        }
        return exact
            ?? best(party.size, of: free) { set in
                set.count { $0.place.accessible } >= party.accessible ? self.accompanied(set) : nil
            }
    }

    private func best(_ size: Int, of seats: [Seat], _ verdict: ([Seat]) -> Verdict?) -> Verdict? {
        var best: Verdict?
        func choose(_ chosen: [Seat], from start: Int) {
            if chosen.count == size {
                if let found = verdict(chosen), best.map(found.isBetter) ?? true { best = found }
                return
            }
            for index in start..<seats.count { choose(chosen + [seats[index]], from: index + 1) }
        }
        choose([], from: 0)
        return best
    }

    /// With companions there are three rungs.
    func accompanied(_ set: [Seat]) -> Verdict? {
        var found = verdict(set)
        if found.together == .apart { return nil }
        if found.together >= .rows { found = Verdict(together: .section, weights: [set[0].row.section]) }
        return found
    }

    func verdict(_ set: [Seat]) -> Verdict {
        let section = set[0].row.section
        let accessible = set.count { $0.place.accessible }
        let distance = set.reduce(0) { $0 + $1.distance }
        let common = [accessible, orphans(set), section, distance]
        guard set.allSatisfy({ $0.row.section == section }) else {
            return Verdict(together: .apart, weights: [groups(set)])
        }
        let rows = Dictionary(grouping: set, by: \.row.row).sorted { $0.key < $1.key }
        if rows.count == 1 {
            let positions = set.map(\.place.position)
            let gaps = (positions.max() ?? 0) - (positions.min() ?? 0) + 1 - set.count
            return Verdict(together: gaps == 0 ? .adjacent : .row, weights: [gaps] + common)
        }
        if rows.count == 2, rows[0].key + 1 == rows[1].key, groups(set) == 2 {
            let parts = rows.map(\.value).sorted { $0.count > $1.count }
            let reach = parts[0].map(\.aside)
            let (low, high) = ((reach.min() ?? 0) - 1, (reach.max() ?? 0) + 1)
            if parts[1].allSatisfy({ (low...high).contains($0.aside) }) {
                return Verdict(together: .rows, weights: [parts[0].count - parts[1].count] + common)
            }
        }
        return Verdict(together: .section, weights: [section, groups(set)])
    }

    /// Into how many groups of neighbours a set falls.
    private func groups(_ set: [Seat]) -> Int {
        var groups = set.count
        for index in set.indices { groups -= set[..<index].count { $0.isBeside(set[index]) } }
        return groups
    }

    /// The seats that are left without a free neighbour by taking a set.
    func orphans(_ set: [Seat]) -> Int {
        let taken = Set(set.map(\.place.seat))
        return free.count { seat in
            let beside = free.filter { $0.isBeside(seat) }.map(\.place.seat)
            return !taken.contains(seat.place.seat) && !beside.isEmpty && taken.isSuperset(of: beside)
        }
    }
}
