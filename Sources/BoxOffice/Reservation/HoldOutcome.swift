package import Postgres

/// Tickets that were held, as answered to the buyer.
package struct Hold: Sendable, Hashable, Codable {
    package var reservation: ReservationID
    package var tier: String
    package var quantity: Int
    /// The labels of the seats; empty for standing room.
    package var seats: [String]
    /// What they cost together, in minor units.
    package var total: Int64
    package var currency: String
    package var expiresAt: PostgresTimestamp
    /// How the party sits; nil for standing room and for seats that the buyer named.
    package var together: Together?
}

/// What became of a request to hold tickets.
package enum HoldOutcome: Sendable, Hashable, Codable {
    case held(Hold)
    /// The same request was answered before; this is what it was answered.
    case repeated(Hold)
    /// The key was used before with another body.
    case keyReused
    /// The tier has fewer free tickets than were asked for.
    case soldOut(left: Int)
    /// There are enough free tickets, but not so close together; the closest that there is.
    case notTogether(Together)
    /// There are so many accessible seats left: too few, or none with room for the companions in the section.
    case noAccessibleSeats(left: Int)
    /// The tier is standing room, where these fields of the request mean nothing.
    case standing(tier: String, fields: [String])
    /// There are enough free tickets, but others are taking those seats this moment. Asking again helps.
    case contended
    /// The buyer would have more tickets than a buyer may have.
    case limitExceeded(limit: Int, has: Int)
    /// The tier is for groups that the buyer belongs to none of.
    case notEligible(tier: String)
    /// Everything stands still. Asking again helps, once it goes on.
    case stopped
    /// The admission session is over, or is one of another on-sale.
    case sessionOver
    /// Somebody has these seats.
    case seatsTaken([String])
    /// There is no such tier, there are no such seats, or they are of several tiers.
    case unknownChoice

    /// What the same request is answered when it comes again.
    var again: Self {
        if case .held(let hold) = self { .repeated(hold) } else { self }
    }

    /// Whether it is kept under the request's Idempotency-Key.
    ///
    /// Kept is what was decided by what the stock and the buyer's other holds were at that moment, because it might
    /// be decided otherwise later. The rest would come out the same again, or asks to be tried again.
    var isKept: Bool {
        switch self {
        case .held, .soldOut, .limitExceeded, .seatsTaken, .notTogether, .noAccessibleSeats: true
        case .repeated, .keyReused, .contended, .stopped, .sessionOver, .unknownChoice, .notEligible,
            .standing:
            false
        }
    }
}
