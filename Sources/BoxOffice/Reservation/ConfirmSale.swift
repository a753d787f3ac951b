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
        let paying = try await ReservationBook.lockPaying(
            batch.map { ($0.runID, $0.step.attempt) },
            in: &transaction
        )
        let changes = paying.compactMap(\.self).map { ReservationBook.Change($0, to: .sold) }
        let payments = batch.map { PaymentRecord($0.runID, $0.step.attempt, .authorised, $0.step.report) }
        let told = changes.map { NotificationDraft.sold($0.row) }
        let more = PaymentRecord.update(payments) + NotificationDraft.insert(told)
        try await ReservationBook.apply(changes, and: more, in: &transaction)
        return paying.map { $0 != nil }
    }
}
