internal import Jobs
package import Postgres
package import Workflows

/// The first step of a reservation: holds tickets for all requests of a cohort in one go.
///
/// The order of locks is the house's: the admission sessions, then seats, then tiers; each in the order of their
/// keys. Seats are locked with SKIP LOCKED, so nobody waits for a seat; tiers are locked last and only for the few
/// statements up to the commit. Who comes first in the batch is served first.
package struct HoldSeats: CohortStep {
    package static let name = "hold"

    let request: HoldRequest

    /// The step of one reservation.
    package init(request: HoldRequest) {
        self.request = request
    }

    package static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [HoldOutcome] {
        let members = batch.map { HoldBatch.Member(reservation: $0.runID.rawValue, request: $0.step.request) }
        let facts = try await HoldFacts.read(members.map(\.request), in: &transaction)
        var holds = HoldBatch(members, facts)
        try await SeatRounds.run(for: &holds, in: &transaction)
        let tiers = try await lockTiers(holds.wantedTiers, in: &transaction)
        holds.grant(from: tiers)
        _ = try await transaction.pipeline(holds.statements())
        return holds.outcomes
    }

    private static func lockTiers(
        _ keys: Set<TierKey>,
        in transaction: inout Transaction
    ) async throws -> [TierKey: Int] {
        guard !keys.isEmpty else { return [:] }
        var free: [TierKey: Int] = [:]
        for row in try await transaction.query(TierMoves.lock(Array(keys))) {
            free[TierKey(onSale: try row[0], tier: try row[1])] = try row[2]
        }
        return free
    }
}
