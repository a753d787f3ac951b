internal import Jobs
package import Postgres
package import Workflows

/// Ends reservations whose payment stayed undecided until its deadline.
///
/// Whatever the provider decides later is voided.
package struct GiveUpPayment: CohortStep {
    package static let name = "give_up"

    let attempt: Int

    /// - Returns: per run, whether this ended it.
    package static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Bool] {
        let paying = try await ReservationBook.lockPaying(
            batch.map { ($0.runID, $0.step.attempt) },
            in: &transaction
        )
        let changes = paying.compactMap(\.self).map { row in
            var change = ReservationBook.Change(row, to: .expired)
            change.problem = "payment_undecided"
            return change
        }
        let told = changes.map { NotificationDraft.expired($0.row) }
        try await ReservationBook.apply(changes, and: NotificationDraft.insert(told), in: &transaction)
        return paying.map { $0 != nil }
    }
}
