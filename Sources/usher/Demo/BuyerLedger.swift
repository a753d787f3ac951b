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

    /// All of it, as the checks of promises take it.
    var history: SaleHistory {
        func place(_ name: String) -> PlaceID? { PlaceID(publicID: name) }
        // A buyer's double click was compared on the spot; here each place stands for its buyer.
        let rooms: [SaleHistory.Answer] =
            places.compactMap { name in place(name).map { .joined($0, by: name) } }
            + left.compactMap { place($0).map { .left($0) } }
            + admitted.compactMap { name in place(name).map { .admitted($0, token: name) } }
        let tickets: [SaleHistory.Answer] =
            holds.map { .held($0.reservation, tickets: $0.quantity, key: $0.reservation.publicID) }
            + sold.map { .sold($0.reservation, tickets: $0.quantity) }
            + released.map { .released($0) }
        return SaleHistory(rooms + tickets)
    }
}
