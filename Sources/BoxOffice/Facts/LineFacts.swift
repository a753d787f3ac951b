internal import Postgres

/// Facts of places in line.
///
/// A place is named by its arrival number, which says nothing of who has it. What a tick does to thousands at a time is one
/// fact with a range of numbers; the draw's certificate says whose they are.
enum LineFacts {
    /// Somebody joined.
    ///
    /// Written by `join.insert`, because only that statement knows the arrival numbers.
    static let taken = "place.taken"
    /// Somebody was let in.
    ///
    /// Written by `admission.mark`.
    static let admitted = "place.admitted"
    /// Turns ended to which some did not come.
    ///
    /// Written by `tick.settle`.
    static let missed = "place.missed"

    /// The numbers of a range were called, but for those who had left.
    struct Called: SaleFact {
        static let kind = "place.called"
        let firstNumber: Int64
        let lastNumber: Int64
        let called: Int

        enum CodingKeys: String, CodingKey {
            case called
            case firstNumber = "first_number"
            case lastNumber = "last_number"
        }
    }

    /// Places were called that had missed their turn or wait for what comes back.
    struct CalledAgain: SaleFact {
        static let kind = "place.called_again"
        let places: [Int64]
    }

    /// Somebody gave the place up.
    struct Left: SaleFact {
        static let kind = "place.left"
        let place: Int64
    }
}
