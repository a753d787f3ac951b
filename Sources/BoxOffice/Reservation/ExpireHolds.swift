internal import Workflows

/// Ends the runs of holds whose deadline has passed, with the holds: one call of SQL for all that expire together.
///
/// What it turns down, because the hold was extended or something else was faster, is left to ``ExpireHold``.
struct ExpireHolds: TimerTransition {
    static let function = "expire_holds"

    /// What the notification says.
    var reservation: String
    var recipient: String
    /// The notification's dedupe key.
    var key: String

    init(_ reservation: ReservationID, of admission: AdmissionID) {
        self.reservation = reservation.publicID
        recipient = admission.publicID
        key = NotificationDraft.key(.expired, reservation)
    }
}
