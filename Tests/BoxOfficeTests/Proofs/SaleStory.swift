@testable import BoxOffice
@testable import ProofActor

/// What a buyer does, and where it must end.
enum SaleStory: String, CaseIterable, Sendable {
    case bought, declined, undecided, expired, extended, uncapturable, refunded

    /// What somebody does from outside, in this order.
    enum Act: Sendable, Equatable {
        case buyer(ProofBuyer.Act)
        case refund
    }

    var acts: [Act] {
        switch self {
        case .bought, .undecided, .uncapturable: [.buyer(.hold), .buyer(.checkout)]
        case .declined: [.buyer(.hold), .buyer(.checkout), .buyer(.release)]
        case .expired: [.buyer(.hold)]
        case .extended: [.buyer(.hold), .buyer(.extend)]
        case .refunded: [.buyer(.hold), .buyer(.checkout), .refund]
        }
    }

    var ending: ReservationState {
        switch self {
        case .bought, .uncapturable: .sold
        case .declined: .released
        case .undecided, .expired, .extended: .expired
        case .refunded: .refunded
        }
    }

    /// What the buyer pays with; see ``BookedProvider``.
    var method: String {
        switch self {
        case .declined: "declined"
        case .undecided: "pending"
        case .uncapturable: "uncapturable"
        case .bought, .expired, .extended, .refunded: "good"
        }
    }

    /// How long a hold lasts, and how long an undecided payment is waited for.
    var seconds: (hold: Int, payment: Int) {
        switch self {
        case .expired: (3, 600)
        // A busy machine takes seconds from the hold to its extension, which must come before the end.
        case .extended: (10, 600)
        case .undecided: (600, 6)
        case .bought, .declined, .uncapturable, .refunded: (600, 600)
        }
    }
}
