/// Someone who asks for a place.
package struct JoinRequest: Sendable {
    package let onSale: OnSaleID
    /// What tells buyers apart; see `Buyer.fingerprint`.
    package let buyer: [UInt8]
    /// The id the place gets, if the buyer has none yet.
    package let place: PlaceID

    package init(onSale: OnSaleID, buyer: [UInt8], place: PlaceID = .random()) {
        self.onSale = onSale
        self.buyer = buyer
        self.place = place
    }
}

/// What became of a request for a place.
package enum JoinOutcome: Sendable, Equatable {
    /// The buyer's place; `isNew` unless it was there before.
    case joined(place: PlaceID, arrival: Int64, isNew: Bool)
    /// The room isn't open yet.
    case notOpen
    /// There is nothing left to wait for.
    case soldOut
    /// The on-sale is over.
    case closed
    /// There is no such on-sale.
    case unknownOnSale
}
