/// Where a reservation is on its way: `held → paying → sold`, or `expired`, `released`, `refunded`.
package enum ReservationState: String, Sendable, Hashable, Codable {
    /// The tickets wait for the buyer, until a deadline.
    case held
    /// The buyer asked to pay; the deadline is the payment's.
    case paying
    /// The tickets are the buyer's.
    case sold
    /// The deadline passed first.
    case expired
    /// The buyer, or the end of the on-sale, let go of them.
    case released
    /// They were sold, and the money went back.
    case refunded

    /// Whether the reservation has tickets or may still get them.
    package var isLive: Bool { self == .held || self == .paying }

    /// The column of the tier's books that its tickets are in.
    var column: TierColumn {
        switch self {
        case .held: .held
        case .paying: .paying
        case .sold: .sold
        case .expired, .released: .free
        // What an on-sale that is over refunds is not sold again.
        case .refunded: .withheld
        }
    }
}
