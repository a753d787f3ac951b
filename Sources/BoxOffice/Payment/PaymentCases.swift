internal import Jobs
package import Postgres
internal import Workflows

/// Closes payments that only a person can settle, with what that person found out at the provider.
package struct PaymentCases: Sendable {
    /// Where the money is, as the provider's books say.
    package enum Finding: String, Sendable, Hashable, CaseIterable {
        /// We have it.
        case captured
        /// The buyer has it back, or it was never taken.
        case refunded
        /// The provider has let go of it.
        case voided

        var state: PaymentState {
            switch self {
            case .captured: .captured
            case .refunded: .refunded
            case .voided: .voided
            }
        }
    }

    /// Why a case stays as it is.
    package enum Refusal: Error, Sendable, Hashable {
        /// There is no such payment.
        case unknown
        /// Nobody has to settle it.
        case notOpen(PaymentState)
        /// The finding would leave tickets without money, or money without tickets.
        case misfit(ReservationState, accepted: [Finding])
    }

    /// A payment that is settled.
    package struct Settled: Sendable, Equatable {
        package let payment: PaymentState
        package let reservation: ReservationState
    }

    private let postgres: PostgresClient
    private let workflows: WorkflowClient

    package init(postgres: PostgresClient) {
        self.postgres = postgres
        workflows = WorkflowClient(postgres: postgres)
    }

    /// Closes a case.
    ///
    /// Money that we have belongs to tickets that are sold; tickets whose money is gone come back, as after a refund.
    /// Asking again with the same finding changes nothing.
    ///
    /// - Parameters:
    ///   - payment: which attempt to pay.
    ///   - finding: where its money is.
    ///   - note: how that is known, for the audit.
    ///   - holder: who says so, for the audit.
    /// - Returns: the payment and its reservation as they are now.
    /// - Throws: ``Refusal``, `PostgresError`.
    package func settle(
        _ payment: PaymentReference,
        as finding: Finding,
        note: String,
        by holder: APIKeys.Holder
    ) async throws -> Settled {
        let (settled, onSale) = try await postgres.withTransaction { tx in
            try await settle(payment, as: finding, note: note, by: holder, in: &tx)
        }
        if finding == .refunded {
            workflows.store.wake([Notify.queue])
            // What came back may be for somebody on the waitlist. Who is not answered asks again, and so does this.
            try await SleepingTick.wake(onSale, in: postgres)
        }
        return settled
    }

    private func settle(
        _ payment: PaymentReference,
        as finding: Finding,
        note: String,
        by holder: APIKeys.Holder,
        in tx: inout Transaction
    ) async throws -> (Settled, OnSaleID) {
        let id = payment.reservation.rawValue
        guard let reservation = try await ReservationBook.lock([id], in: &tx)[id],
            let found = try await tx.first(Self.state(of: payment)),
            let state = PaymentState(rawValue: try found[0])
        else { throw Refusal.unknown }
        let onSale = OnSaleID(rawValue: reservation.onSale)
        if state == finding.state {
            return (Settled(payment: state, reservation: reservation.state), onSale)
        }
        guard state == .needsPerson else { throw Refusal.notOpen(state) }
        let isSold = reservation.state == .sold && reservation.attempt == payment.attempt
        let accepted: [Finding] = isSold ? [.captured, .refunded] : [.voided]
        guard accepted.contains(finding) else {
            throw Refusal.misfit(reservation.state, accepted: accepted)
        }
        if finding == .refunded {
            let key = NotificationDraft.key(.refunded, payment.reservation)
            _ = try await workflows.start(Notify.self, key, in: &tx)
            let refund = RecordRefund.Refund(row: reservation, attempt: payment.attempt, report: nil)
            try await RecordRefund.record([refund], in: &tx)
        } else {
            let record = PaymentRecord(JobID(rawValue: id), payment.attempt, finding.state, nil)
            _ = try await tx.pipeline(PaymentRecord.update([record]))
        }
        try await AuditTrail.append(
            "settle_payment",
            byOperator: holder,
            detail: [
                "payment": .string(payment.text), "found": .string(finding.rawValue), "note": .string(note),
            ],
            in: &tx
        )
        let settled = Settled(
            payment: finding.state,
            reservation: finding == .refunded ? .refunded : reservation.state
        )
        return (settled, onSale)
    }

    /// Locks the payment, under its reservation's lock.
    ///
    /// Uses the primary key.
    private static func state(of payment: PaymentReference) -> Query {
        Query(
            "payments.state",
            """
            SELECT state FROM payments
            WHERE reservation_id = \(payment.reservation.rawValue) AND attempt = \(payment.attempt)
            FOR NO KEY UPDATE
            """
        )
    }
}
