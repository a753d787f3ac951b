/// What the crowd of a rehearsal is like.
package struct RehearsalSettings: Sendable, Equatable, Codable {
    /// Buyers of one group, who come with its codes.
    package struct Members: Sendable, Equatable, Codable {
        package var group: String
        package var count: Int

        package init(group: String, count: Int) {
            self.group = group
            self.count = count
        }
    }

    package var seed: UInt64
    package var buyers: Int
    package var curve: ArrivalCurve
    /// The part that comes before the start.
    package var share: Double
    /// The part of those called who don't come.
    package var noShow: Double
    /// The part that gives up if the wait is long.
    package var abandon: Double
    /// Within so many seconds in line.
    package var patience: Int
    /// The part of those inside who buy.
    package var conversion: Double
    /// Tickets per buyer who buys, on average.
    package var basket: Double
    /// Seconds from coming in to holding, on average.
    package var think: Int
    /// Seconds from holding to having paid, on average.
    package var payment: Int
    package var members: [Members]

    package init(
        seed: UInt64 = 1,
        buyers: Int,
        curve: ArrivalCurve = .burst,
        share: Double,
        noShow: Double = 0.1,
        abandon: Double = 0.05,
        patience: Int = 1800,
        conversion: Double = 0.7,
        basket: Double = 2,
        think: Int = 30,
        payment: Int = 30,
        members: [Members] = []
    ) {
        self.seed = seed
        self.buyers = buyers
        self.curve = curve
        self.share = share
        self.noShow = noShow
        self.abandon = abandon
        self.patience = patience
        self.conversion = conversion
        self.basket = basket
        self.think = think
        self.payment = payment
        self.members = members
    }

    /// The group that a buyer belongs to: members have the first numbers.
    package func group(ofBuyer number: Int) -> String? {
        var first = 0
        for some in members {
            if number < first + some.count { return some.group }
            first += some.count
        }
        return nil
    }
}
