internal import Jobs
package import Postgres
package import Workflows

/// Turns authorised reservations into sold ones.
///
/// The money is captured only after this is committed.
package struct ConfirmSale: CohortStep {
    package static let name = "confirm"

    let attempt: Int
    let report: PaymentReport

    /// - Returns: per run, whether the tickets are the buyer's. If not, the authorisation must be voided.
    package static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Bool] {
        let rows = try await ReservationBook.lock(batch.map(\.runID.rawValue), in: &transaction)
        var changes: [ReservationBook.Change] = []
        let confirmed = batch.map { member in
            guard let row = rows[member.runID.rawValue], row.state == .paying,
                row.attempt == member.step.attempt
            else { return false }
            changes.append(ReservationBook.Change(row, to: .sold))
            return true
        }
        let payments = batch.map { PaymentRecord($0.runID, $0.step.attempt, .authorised, $0.step.report) }
        let told = changes.map { NotificationDraft.sold($0.row) }
        let more = PaymentRecord.update(payments) + NotificationDraft.insert(told)
        try await ReservationBook.apply(changes, and: more, in: &transaction)
        return confirmed
    }
}
