internal import EventLog
internal import Jobs
internal import Postgres

/// What happened to a reservation; all kinds look alike.
struct ReservationFact: Encodable {
    /// What a reservation can have come to.
    enum Kind: String {
        case held = "reservation.held"
        case extended = "reservation.extended"
        case paying = "reservation.paying"
        /// A payment came to nothing, and the tickets are held for another.
        case paymentFailed = "reservation.payment_failed"
        case sold = "reservation.sold"
        case expired = "reservation.expired"
        case released = "reservation.released"
        case refunded = "reservation.refunded"

        /// Nil when nothing happened that anybody is told.
        init?(from state: ReservationState, to next: ReservationState) {
            guard state != next else { return nil }
            switch next {
            case .held: self = .paymentFailed
            case .paying: self = .paying
            case .sold: self = .sold
            case .expired: self = .expired
            case .released: self = .released
            case .refunded: self = .refunded
            }
        }
    }

    let reservation: String
    let session: String
    let tier: String
    let quantity: Int
    /// In minor units of `currency`.
    let total: Int64
    let currency: String
    /// When it ends by itself; absent once it has ended.
    let expiresAt: String?

    enum CodingKeys: String, CodingKey {
        case reservation, session, tier, quantity, total, currency
        case expiresAt = "expires_at"
    }

    init(
        _ id: Int64,
        admission: Int64,
        tier: String,
        quantity: Int,
        total: Int64,
        currency: String,
        expiresAt: PostgresTimestamp?
    ) {
        reservation = ReservationID(rawValue: id).publicID
        session = AdmissionID(rawValue: admission).publicID
        self.tier = tier
        self.quantity = quantity
        self.total = total
        self.currency = currency
        self.expiresAt = expiresAt.map { "\($0)" }
    }

    init(_ row: ReservationRow, in state: ReservationState, until expiresAt: PostgresTimestamp) {
        self.init(
            row.id,
            admission: row.admission,
            tier: row.tier,
            quantity: row.quantity,
            total: row.total,
            currency: row.currency,
            expiresAt: state.isLive ? expiresAt : nil
        )
    }

    /// The fact of an on-sale, to be appended in the transaction that makes it true.
    func draft(_ kind: Kind, of onSale: Int64) throws -> FactDraft {
        FactDraft(onSale: onSale, kind: kind.rawValue, data: try JSONCoding.encode(self))
    }
}
