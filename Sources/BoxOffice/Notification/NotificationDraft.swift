internal import Foundation
internal import Postgres

/// What somebody is to be told, before it is a row: written in the transaction that makes it true.
struct NotificationDraft: Sendable {
    /// What can be told.
    enum Kind: String, Sendable {
        case sold, expired, refunded
        case paymentDeclined = "payment_declined"
        case needsPerson = "needs_person"
    }

    private struct Payload: Codable {
        var reservation: String
        var tier: String
        var quantity: Int
        var total: Int64
        var currency: String
    }

    var kind: Kind
    var onSale: Int64
    var recipient: String
    var payload: JSONB
    /// Says the same of the same thing only once.
    var dedupeKey: String
    /// When it stops being worth telling, counted from now.
    var worthSeconds: Int?

    /// `epoch`: tells apart what can happen several times to one reservation.
    private init(_ kind: Kind, _ row: ReservationRow, to recipient: String?, epoch: Int, worthSeconds: Int?) {
        self.kind = kind
        onSale = row.onSale
        self.recipient = recipient ?? AdmissionID(rawValue: row.admission).publicID
        let payload = Payload(
            reservation: ReservationID(rawValue: row.id).publicID,
            tier: row.tier,
            quantity: row.quantity,
            total: row.total,
            currency: row.currency
        )
        // A struct of strings and integers always encodes.
        self.payload = JSONB(bytes: Array((try? JSONEncoder().encode(payload)) ?? Data("{}".utf8)))
        dedupeKey = Self.key(kind, ReservationID(rawValue: row.id), epoch: epoch)
        self.worthSeconds = worthSeconds
    }

    /// The dedupe key, by which the run that caused it starts its delivery.
    static func key(_ kind: Kind, _ reservation: ReservationID, epoch: Int = 0) -> String {
        "\(kind.rawValue):\(reservation.publicID):\(epoch)"
    }

    static func sold(_ row: ReservationRow) -> Self {
        Self(.sold, row, to: nil, epoch: 0, worthSeconds: nil)
    }

    static func expired(_ row: ReservationRow) -> Self {
        Self(.expired, row, to: nil, epoch: 0, worthSeconds: 3_600)
    }

    static func refunded(_ row: ReservationRow) -> Self {
        Self(.refunded, row, to: nil, epoch: 0, worthSeconds: nil)
    }

    /// The buyer has only the grace to try again: later than that it would mislead.
    static func declined(_ row: ReservationRow, _ attempt: Int) -> Self {
        Self(.paymentDeclined, row, to: nil, epoch: attempt, worthSeconds: row.graceSeconds)
    }

    static func needsPerson(_ row: ReservationRow, _ attempt: Int) -> Self {
        Self(.needsPerson, row, to: "operator", epoch: attempt, worthSeconds: nil)
    }

    /// The statement that writes the drafts; those already written stay as they are.
    static func insert(_ drafts: [NotificationDraft]) -> [Query] {
        if drafts.isEmpty { return [] }
        return [
            Query(
                "notifications.insert",
                """
                SELECT count(*) FROM write_notifications(\(drafts.map(\.kind.rawValue)), \(drafts.map(\.recipient)),
                    \(drafts.map(\.payload)), \(drafts.map(\.dedupeKey)),
                    ARRAY (SELECT usher_now() + make_interval(secs => w.worth)
                        FROM unnest(\(drafts.map { $0.worthSeconds.map(Double.init) })) WITH ORDINALITY AS w (worth, n)
                        ORDER BY w.n), \(drafts.map(\.onSale)))
                """
            )
        ]
    }
}
