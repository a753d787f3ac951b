internal import BoxOffice

/// What clients were told with a 2xx: each line has to be found in the tables.
struct BuyerLedger: Sendable {
    struct Hold: Sendable, Hashable {
        let reservation: ReservationID
        let quantity: Int
    }

    var places: Set<String> = []
    var left: Set<String> = []
    var admitted: Set<String> = []
    var holds: Set<Hold> = []
    var released: Set<ReservationID> = []
    var sold: Set<Hold> = []
}
