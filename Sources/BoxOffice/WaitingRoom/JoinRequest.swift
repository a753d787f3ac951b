/// Someone who asks for a place.
package struct JoinRequest: Sendable {
    package let onSale: OnSaleID
    /// What tells buyers apart; see `Buyer.fingerprint`.
    package let buyer: [UInt8]
    /// The fingerprint of a presale code, if the buyer has one; see `PresaleCode`.
    package let code: [UInt8]?
    /// Whether the on-sale has groups, so that an invitation is looked for.
    package let hasGroups: Bool
    /// Whether only members of a group may join.
    package let needsGroup: Bool
    /// The id the place gets, if the buyer has none yet.
    package let place: PlaceID

    package init(
        onSale: OnSaleID,
        buyer: [UInt8],
        code: [UInt8]? = nil,
        hasGroups: Bool = false,
        needsGroup: Bool = false,
        place: PlaceID = .random()
    ) {
        self.onSale = onSale
        self.buyer = buyer
        self.code = code
        self.hasGroups = hasGroups
        self.needsGroup = needsGroup
        self.place = place
    }
}

/// What became of a request for a place.
package enum JoinOutcome: Sendable, Equatable {
    /// The buyer's place; `isNew` unless it was there before.
    case joined(place: PlaceID, arrival: Int64, isNew: Bool)
    /// The room isn't open yet.
    case notOpen
    /// There is no such presale code, or it was taken back.
    case unknownCode
    /// Somebody else has used the code.
    case codeUsed
    /// Only members of a group may join, and the buyer is none.
    case groupRequired
    /// There is nothing left to wait for.
    case soldOut
    /// The on-sale is over.
    case closed
    /// There is no such on-sale.
    case unknownOnSale
}
