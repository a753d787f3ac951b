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
        let rows = try await ReservationBook.lock(batch.map(\.runID.rawValue), in: &transaction)
        var changes: [ReservationBook.Change] = []
        let deadlines = batch.map { member -> PostgresTimestamp? in
            guard let row = rows[member.runID.rawValue], row.state == .paying,
                row.attempt == member.step.attempt
            else { return nil }
            var change = ReservationBook.Change(row, to: .held)
            // Who has tried often enough gets no more time for it.
            let grace = row.attempt < row.paymentLimit ? row.graceSeconds : 0
            change.expiresAt = max(row.holdEndsAt, row.now + .seconds(grace))
            change.problem = "payment_declined"
            changes.append(change)
            return change.expiresAt
        }
        let payments = batch.map { PaymentRecord($0.runID, $0.step.attempt, .declined, $0.step.report) }
        let told = changes.map { NotificationDraft.declined($0.row, $0.attempt) }
        let more = PaymentRecord.update(payments) + NotificationDraft.insert(told)
        try await ReservationBook.apply(changes, and: more, in: &transaction)
        return deadlines
    }
}
