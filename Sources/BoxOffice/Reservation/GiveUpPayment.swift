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
        let rows = try await ReservationBook.lock(batch.map(\.runID.rawValue), in: &transaction)
        var changes: [ReservationBook.Change] = []
        let ended = batch.map { member in
            guard let row = rows[member.runID.rawValue], row.state == .paying,
                row.attempt == member.step.attempt
            else { return false }
            var change = ReservationBook.Change(row, to: .expired)
            change.problem = "payment_undecided"
            changes.append(change)
            return true
        }
        let told = changes.map { NotificationDraft.expired($0.row) }
        try await ReservationBook.apply(changes, and: NotificationDraft.insert(told), in: &transaction)
        return ended
    }
}
