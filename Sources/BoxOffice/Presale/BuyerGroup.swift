/// Buyers whom a sale goes to before the public.
package struct BuyerGroup: Sendable, Equatable {
    /// Names it in plans, codes and tiers.
    package let id: String
    package let name: String
    /// From 1 to 9; the lower is drawn first.
    package let priority: Int
    /// Tickets per buyer; nil is what holds for everybody.
    package let maxPerBuyer: Int?

    /// The priority of whoever belongs to no group.
    package static let publicPriority = 10

    package init(id: String, name: String, priority: Int, maxPerBuyer: Int?) {
        self.id = id
        self.name = name
        self.priority = priority
        self.maxPerBuyer = maxPerBuyer
    }
}
