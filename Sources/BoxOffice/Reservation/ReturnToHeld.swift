internal import Jobs
package import Postgres
package import Workflows

/// Gives the buyers of declined payments their hold back, with a little time to try again.
package struct ReturnToHeld: CohortStep {
    package static let name = "declined"

    let attempt: Int
    let report: PaymentReport

    /// - Returns: per run, the hold's deadline; nil when the reservation is not paying any more.
    package static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [PostgresTimestamp?] {
        let paying = try await ReservationBook.lockPaying(
            batch.map { ($0.runID, $0.step.attempt) },
            in: &transaction
        )
        let changes = paying.map { row -> ReservationBook.Change? in
            guard let row else { return nil }
            var change = ReservationBook.Change(row, to: .held)
            // Who has tried often enough gets no more time for it.
            let grace = row.attempt < row.paymentLimit ? row.graceSeconds : 0
            change.expiresAt = max(row.holdEndsAt, row.now + .seconds(grace))
            change.problem = "payment_declined"
            return change
        }
        let payments = batch.map { PaymentRecord($0.runID, $0.step.attempt, .declined, $0.step.report) }
        let told = changes.compactMap(\.self).map { NotificationDraft.declined($0.row, $0.attempt) }
        let more = PaymentRecord.update(payments) + NotificationDraft.insert(told)
        try await ReservationBook.apply(changes.compactMap(\.self), and: more, in: &transaction)
        return changes.map { $0?.expiresAt }
    }
}
