internal import Jobs
package import Postgres
package import Workflows

/// Lets go of holds whose deadline has passed, unless something else was faster.
package struct ExpireHold: CohortStep {
    package static let name = "expire"

    /// What the run goes on with.
    package enum Ending: Sendable, Hashable, Codable {
        /// The tickets are free again.
        case expired
        /// The hold was extended while the run slept: this is its deadline now.
        case notYet(PostgresTimestamp)
        /// The buyer pays already; the event that says so is on its way.
        case paying(PostgresTimestamp)
        /// The reservation has ended otherwise.
        case over(ReservationState)
    }

    package static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Ending] {
        let rows = try await ReservationBook.lock(batch.map(\.runID.rawValue), in: &transaction)
        var changes: [ReservationBook.Change] = []
        let endings = batch.map { member -> Ending in
            guard let row = rows[member.runID.rawValue] else { return .over(.released) }
            switch row.state {
            case .held where row.expiresAt <= row.now:
                changes.append(ReservationBook.Change(row, to: .expired))
                return .expired
            case .held: return .notYet(row.expiresAt)
            case .paying: return .paying(row.expiresAt)
            default: return .over(row.state)
            }
        }
        let told = changes.map { NotificationDraft.expired($0.row) }
        try await ReservationBook.apply(changes, and: NotificationDraft.insert(told), in: &transaction)
        return endings
    }
}
