internal import Jobs
internal import Postgres

/// Where an attempt to pay stands in our books.
package enum PaymentState: String, Sendable, Hashable, Codable {
    /// The provider may have been asked; its answer is not known.
    case unknown
    case authorised
    case captured
    case voided
    case declined
    case refunded
    /// Authorised or captured, and we can't do by ourselves what has to be done.
    case needsPerson = "needs_person"
}

/// What is to be written to an attempt's row.
struct PaymentRecord: Sendable {
    var reservation: Int64
    var attempt: Int
    var state: PaymentState
    var providerReference: String?
    var detail: String?
    var nextAction: String?

    init(_ run: JobID, _ attempt: Int, _ state: PaymentState, _ report: PaymentReport?) {
        reservation = run.rawValue
        self.attempt = attempt
        self.state = state
        providerReference = report?.providerReference
        detail = report?.detail
        nextAction = report?.nextAction
    }

    /// The statement that writes records; what a record does not know stays as it is.
    ///
    /// Uses the primary key.
    static func update(_ records: [PaymentRecord]) -> [Query] {
        if records.isEmpty { return [] }
        let records = records.sorted { ($0.reservation, $0.attempt) < ($1.reservation, $1.attempt) }
        return [
            Query(
                "payments.update",
                """
                UPDATE payments AS p
                SET state = c.state, provider_reference = coalesce(c.provider_reference, p.provider_reference),
                    detail = coalesce(c.detail, p.detail), next_action = c.next_action, updated_at = usher_now()
                FROM unnest(\(records.map(\.reservation)), \(records.map(\.attempt)),
                            \(records.map(\.state.rawValue)), \(records.map(\.providerReference)),
                            \(records.map(\.detail)), \(records.map(\.nextAction)))
                    AS c (reservation_id, attempt, state, provider_reference, detail, next_action)
                WHERE p.reservation_id = c.reservation_id AND p.attempt = c.attempt
                """
            )
        ]
    }
}
