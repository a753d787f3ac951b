internal import Jobs
package import Postgres
package import Workflows

/// Writes what became of payments after their reservations were decided.
package struct SettlePayment: CohortStep {
    package static let name = "settle"

    let reservation: ReservationID
    let attempt: Int
    let state: PaymentState
    var report: PaymentReport?

    package static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Bool] {
        let records = batch.map { member in
            let step = member.step
            return PaymentRecord(
                JobID(rawValue: step.reservation.rawValue),
                step.attempt,
                step.state,
                step.report
            )
        }
        // What a person has to look into is told in the same commit.
        let stuck = batch.map(\.step).filter { $0.state == .needsPerson }
        let rows =
            try await stuck.isEmpty
            ? [:] : ReservationBook.lock(stuck.map(\.reservation.rawValue), in: &transaction)
        let told = stuck.compactMap { step in
            rows[step.reservation.rawValue].map { NotificationDraft.needsPerson($0, step.attempt) }
        }
        _ = try await transaction.pipeline(PaymentRecord.update(records) + NotificationDraft.insert(told))
        return batch.map { _ in true }
    }
}
