package import Postgres

/// What a buyer may know of a place.
package struct PlaceView: Sendable, Equatable {
    /// Where the place is in its life.
    package enum State: String, Sendable, Codable {
        case prequeue
        case waiting
        case called
        case admitted
        case missed
        case left
        case done
    }

    package var state: State
    /// The place's order; nil before the draw.
    package var number: Int64?
    /// Until when a called buyer can come in.
    ///
    /// It stands still while the on-sale is paused.
    package var turnExpiresAt: PostgresTimestamp?
    /// The session, once there was one.
    package var admission: AdmissionSession?
    /// Whether it waits for, or has, a turn after its first.
    package var isAgain = false
}

/// A place's one session of buying.
package struct AdmissionSession: Sendable, Equatable {
    package let id: AdmissionID
    package let admittedAt: PostgresTimestamp
    /// When it ends unless a reservation of it is under way.
    package let expiresAt: PostgresTimestamp
    package let endedAt: PostgresTimestamp?
    package let endReason: String?
    /// How many tickets its holder may have where that is another number than the on-sale's, as for members of a group.
    package var ownLimit: Int?

    /// Whether it still lets its holder buy.
    package var isLive: Bool { endedAt == nil }
}

/// What the tables say of a place, in one row.
struct PlaceFacts: Sendable {
    var onSale: OnSaleState
    var serving: Int64
    var number: Int64?
    var hasLeft: Bool
    var turnExpiresAt: PostgresTimestamp?
    var turnIsSettled: Bool
    var admission: AdmissionSession?
    /// The turn after the first that it has or waits for.
    var again: Again?

    /// A turn after the first.
    struct Again: Sendable, Equatable {
        /// Until when; nil before it is called.
        var expiresAt: PostgresTimestamp?
    }

    /// The state that follows.
    var state: PlaceView.State {
        if hasLeft { return .left }
        if let admission, admission.isLive { return .admitted }
        if let again, onSale == .admitting || onSale == .soldOut {
            return again.expiresAt == nil ? .waiting : .called
        }
        if admission != nil { return .done }
        guard let number else { return onSale.isOver ? .done : .prequeue }
        if turnIsSettled { return onSale.isOver ? .done : .missed }
        if onSale.isOver { return .done }
        return number <= serving ? .called : .waiting
    }

    var view: PlaceView {
        PlaceView(
            state: state,
            number: number,
            turnExpiresAt: state == .called ? again?.expiresAt ?? turnExpiresAt : nil,
            admission: admission,
            isAgain: again != nil
        )
    }
}
