/// The free seats of one row of one section, as ``SeatPicker`` sees them.
///
/// Two seats are neighbours when their positions follow each other; an aisle is a jump in the positions.
struct SeatRow: Sendable, Equatable {
    /// One free seat: where it is in its row, and the number that the database knows it by.
    struct Place: Sendable, Equatable {
        var position: Int
        var seat: Int
        /// Kept for those who need it until nothing else is left.
        var accessible = false
    }

    /// The ordinal of the section; a lower one is preferred.
    var section: Int
    /// How far from the stage the row is: 0 is the front.
    var row: Int
    /// The positions of the whole row, taken seats too: what "the centre" is measured against.
    var span: ClosedRange<Int>
    /// The free seats, by position.
    var free: [Place]

    /// Twice the middle of the row, so that it stays an integer.
    var doubledCentre: Int { span.lowerBound + span.upperBound }

    /// The maximal runs of neighbouring free seats, as ranges of indices into ``free``.
    func runs() -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        for index in free.indices {
            let ends = index + 1 == free.count || free[index + 1].position != free[index].position + 1
            guard ends else { continue }
            runs.append(start..<index + 1)
            start = index + 1
        }
        return runs
    }
}
