internal import Postgres

/// What buyers come to: the parts of a plan that they notice.
package struct RehearsedSale: Sendable, Equatable {
    /// Seconds from the room's opening to the start.
    package var prequeue: Int
    /// Seconds from the start to the close.
    package var length: Int
    package var turnSeconds: Int
    package var maxPerBuyer: Int
    /// In the plan's order.
    package var tierCapacities: [Int]

    package init(prequeue: Int, length: Int, turnSeconds: Int, maxPerBuyer: Int, tierCapacities: [Int]) {
        self.prequeue = prequeue
        self.length = length
        self.turnSeconds = turnSeconds
        self.maxPerBuyer = maxPerBuyer
        self.tierCapacities = tierCapacities
    }

    /// What a plan offers.
    package init(_ plan: Plan) {
        func seconds(_ from: PostgresTimestamp, _ to: PostgresTimestamp) -> Int {
            Int((to - from).components.seconds)
        }
        self.init(
            prequeue: seconds(plan.schedule.opensAt, plan.schedule.startsAt),
            length: seconds(plan.schedule.startsAt, plan.schedule.closesAt),
            turnSeconds: plan.rules.turnSeconds,
            maxPerBuyer: plan.reservations.maxPerBuyer,
            tierCapacities: plan.tiers.map { plan.capacity(ofTier: $0.id) }
        )
    }

    /// Seconds from the start in which the late ones come.
    package var tail: Int { max(1, min(ArrivalCurve.longestTail, length)) }
}
