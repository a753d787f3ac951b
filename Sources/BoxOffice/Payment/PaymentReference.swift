/// Our name for one attempt to pay, as the provider knows it: `rs_2k7.1`.
///
/// It is also the idempotency key of the authorisation, so that a run that asks again after a crash, however it got
/// there, asks for the same one.
package struct PaymentReference: Sendable, Hashable {
    package var reservation: ReservationID
    package var attempt: Int

    package init(reservation: ReservationID, attempt: Int) {
        self.reservation = reservation
        self.attempt = attempt
    }

    /// The reference that a provider named, or nil.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let reservation = ReservationID(publicID: String(parts[0])),
            let attempt = Int(parts[1]), (1...1_000).contains(attempt), String(attempt) == parts[1]
        else { return nil }
        self.init(reservation: reservation, attempt: attempt)
    }

    /// The form that travels.
    package var text: String { "\(reservation.publicID).\(attempt)" }
}
