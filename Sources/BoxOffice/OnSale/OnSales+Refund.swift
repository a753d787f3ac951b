internal import Jobs
internal import Postgres
internal import Workflows

extension OnSales {
    /// Has the money for a sold reservation given back, and its tickets with it.
    ///
    /// Asking again changes nothing.
    ///
    /// - Parameters:
    ///   - id: Which one.
    ///   - actor: Who does it, for the audit.
    ///   - reason: Why, for the audit.
    /// - Throws: `Reservations.Refusal.unknown`, `.wrongState` unless it is sold.
    package func refund(_ id: ReservationID, by actor: String, reason: String?) async throws {
        try await postgres.withTransaction { tx in
            let found = try await tx.first(
                Query(
                    "refunds.find",
                    "SELECT on_sale_id, state FROM reservations WHERE id = \(id.rawValue)"
                )
            )
            guard let found else { throw Reservations.Refusal.unknown }
            let state: String = try found[1]
            guard let state = ReservationState(rawValue: state) else { throw Reservations.Refusal.unknown }
            guard state == .sold else { throw Reservations.Refusal.wrongState(state) }
            let onSale = OnSaleID(rawValue: try found[0])
            _ = try await OnSaleGate.lock(onSale, in: &tx)
            _ = try await workflows.start(
                RefundReservation.self,
                id,
                key: RefundReservation.key(id),
                in: &tx
            )
            try await AuditTrail.append(
                "refund",
                on: onSale,
                by: actor,
                detail: ["reservation": .string(id.publicID), "reason": .text(reason)],
                in: &tx
            )
        }
    }
}
