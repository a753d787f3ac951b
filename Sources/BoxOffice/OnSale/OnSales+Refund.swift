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
            let onSale = try await Self.sold(id, in: tx)
            // One that has ended before this was refused, and a person has settled it since.
            _ = try await workflows.start(
                RefundReservation.self,
                id,
                key: RefundReservation.key(id),
                reuse: .afterEnd,
                in: &tx
            )
            _ = try await OnSaleGate.lock(onSale, in: &tx)
            // It may have gone to the archive while we waited for the lock, which archiving takes, too.
            _ = try await Self.sold(id, in: tx)
            try await AuditTrail.append(
                "refund",
                on: onSale,
                by: actor,
                detail: ["reservation": .string(id.publicID), "reason": .text(reason)],
                in: &tx
            )
        }
    }

    /// The on-sale of a sold reservation.
    private static func sold(_ id: ReservationID, in tx: borrowing Transaction) async throws -> OnSaleID {
        guard let found = try await tx.first(RefundReservation.find(id)) else {
            throw Reservations.Refusal.unknown
        }
        let name: String = try found[1]
        guard let state = ReservationState(rawValue: name) else { throw Reservations.Refusal.unknown }
        guard state == .sold else { throw Reservations.Refusal.wrongState(state) }
        return OnSaleID(rawValue: try found[0])
    }
}
