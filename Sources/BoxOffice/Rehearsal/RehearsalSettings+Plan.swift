extension RehearsalSettings {
    /// Why a crowd can't come to a plan.
    package enum Misfit: Error, Sendable, Equatable {
        /// The mean of tickets per buyer is below one or above what a buyer may have.
        case basket(most: Int)
        /// The plan has no group of that name; these are there.
        case unknownGroup(String, groups: [String])
        /// More come with codes than come at all.
        case moreMembers(than: Int)
        /// Only members may join, and there are none.
        case invitationOnly
    }

    /// The same with what wasn't said, and follows from the plan.
    ///
    /// - Parameters:
    ///   - plan: What the crowd comes to.
    ///   - buyers: How many come; nil is buyers enough to buy the stock one and a half times, and all members.
    ///   - share: The part that comes before the start; nil is what is usual for the curve.
    /// - Returns: Settings with all that was left open.
    /// - Throws: ``Misfit``.
    package func completed(
        for plan: Plan,
        buyers: Int?,
        share: Double?
    ) throws(Misfit) -> RehearsalSettings {
        let sale = RehearsedSale(plan)
        guard basket >= 1, basket <= Double(sale.maxPerBuyer) else { throw .basket(most: sale.maxPerBuyer) }
        let groups = plan.groups.map(\.id)
        for some in members where !groups.contains(some.group) {
            throw .unknownGroup(some.group, groups: groups)
        }
        let all = members.reduce(0) { $0 + $1.count }
        var settings = self
        settings.buyers =
            buyers
            ?? max(all, Self.usual(for: plan.capacity, tickets: basket * conversion * (1 - noShow)))
        guard all <= settings.buyers else { throw .moreMembers(than: settings.buyers) }
        guard !plan.isInvitationOnly || !members.isEmpty else { throw .invitationOnly }
        settings.share = share ?? curve.usualShare(prequeue: sale.prequeue, tail: sale.tail)
        return settings
    }

    private static func usual(for capacity: Int, tickets: Double) -> Int {
        max(1, Int((1.5 * Double(capacity) / max(0.05, tickets)).rounded(.up)))
    }
}
