/// The free seats of one row of one section, as ``SeatPicker`` sees them.
///
/// Two seats are neighbours when their positions follow each other; an aisle is a jump in the positions. The rows of a
/// section are taken to be centred behind one another.
struct SeatRow: Sendable, Equatable {
    /// One free seat: where it is in its row, and the number that the database knows it by.
    struct Place: Sendable, Equatable {
        var position: Int
        var seat: Int
        /// Kept for those who need it until nothing else is left.
        var accessible = false
    }

    /// Where a section is best.
    struct Focus: Sendable, Equatable {
        /// Its row; 0 is the front.
        var row = 0
        /// How far aside of the row's middle it is, in half seats.
        var aside = 0
    }

    /// Which seats are looked at.
    enum Kind: Sendable {
        case ordinary, accessible, any

        func includes(_ place: Place) -> Bool {
            switch self {
            case .ordinary: !place.accessible
            case .accessible: place.accessible
            case .any: true
            }
        }
    }

    /// The ordinal of the section; a lower one is preferred.
    var section: Int
    /// How far from the stage the row is: 0 is the front.
    var row: Int
    /// Twice the middle of the whole row, taken seats too, so that it stays an integer.
    var middle: Int
    /// The free seats, by position.
    var free: [Place]
    /// Where the section is best.
    var focus = Focus()

    /// How far aside of the row's middle a free seat is, in half seats.
    func aside(_ index: Int) -> Int { 2 * free[index].position - middle }

    /// How far a free seat is from the focus, in half seats; a row back or forth weighs as much as two seats aside.
    func distance(_ index: Int) -> Int { 4 * abs(row - focus.row) + abs(aside(index) - focus.aside) }

    /// The free seats of a kind, as indices into ``free``.
    func indices(_ kind: Kind) -> [Int] { free.indices.filter { kind.includes(free[$0]) } }

    /// The maximal runs of neighbouring free seats of a kind, as ranges of indices into ``free``.
    func runs(_ kind: Kind = .any) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        for index in free.indices {
            guard kind.includes(free[index]) else {
                start = index + 1
                continue
            }
            let goesOn = areNeighbours(index, index + 1) && kind.includes(free[index + 1])
            guard !goesOn else { continue }
            runs.append(start..<index + 1)
            start = index + 1
        }
        return runs
    }

    /// Calls `body` with every so many neighbouring free seats of a kind, as ranges of indices into ``free``.
    ///
    /// Nothing is allocated: a batch of picks goes through all rows for each of its parties.
    func forEachWindow(_ size: Int, _ kind: Kind, _ body: (Range<Int>) -> Void) {
        var start = 0
        for index in free.indices {
            guard kind.includes(free[index]) else {
                start = index + 1
                continue
            }
            if index > start, !areNeighbours(index - 1, index) { start = index }
            if index + 1 - start >= size { body(index + 1 - size..<index + 1) }
        }
    }

    /// How many seats are left without a free neighbour that had one before `taken`, ascending indices into ``free``.
    func orphans(without taken: some Collection<Int>) -> Int {
        var count = 0
        var last = -1
        for index in taken {
            let (before, after) = (index - 1, index + 1)
            if before != last, areNeighbours(before, index), isAlone(before, without: taken) {
                count += 1
            }
            if areNeighbours(index, after), isAlone(after, without: taken) {
                count += 1
                last = after
            }
        }
        return count
    }

    /// Whether two indices of which the second follows the first are those of seats side by side.
    private func areNeighbours(_ index: Int, _ next: Int) -> Bool {
        index >= 0 && next < free.count && free[next].position == free[index].position + 1
    }

    private func isAlone(_ index: Int, without taken: some Collection<Int>) -> Bool {
        !taken.contains(index)
            && (!areNeighbours(index - 1, index) || taken.contains(index - 1))
            && (!areNeighbours(index, index + 1) || taken.contains(index + 1))
    }
}
