/// What the crowd of a rehearsal is like.
struct RehearsalSettings: Sendable, Equatable {
    /// Buyers of one group, who come with its codes.
    struct Members: Sendable, Equatable {
        var group: String
        var count: Int
    }

    var seed: UInt64 = 1
    var buyers: Int
    var curve: ArrivalCurve = .burst
    /// The part that comes before the start.
    var share: Double
    /// The part of those called who don't come.
    var noShow = 0.1
    /// The part that gives up if the wait is long.
    var abandon = 0.05
    /// Within so many seconds in line.
    var patience = 1800
    /// The part of those inside who buy.
    var conversion = 0.7
    /// Tickets per buyer who buys, on average.
    var basket = 2.0
    /// Seconds from coming in to holding, on average.
    var think = 30
    /// Seconds from holding to having paid, on average.
    var payment = 30
    var members: [Members] = []

    /// Buyers enough to buy the stock one and a half times.
    static func buyers(for capacity: Int, basket: Double, conversion: Double, noShow: Double) -> Int {
        let tickets = max(0.05, basket * conversion * (1 - noShow))
        return max(1, Int((1.5 * Double(capacity) / tickets).rounded(.up)))
    }

    /// The group that a buyer belongs to: members have the first numbers.
    func group(ofBuyer number: Int) -> String? {
        var first = 0
        for some in members {
            if number < first + some.count { return some.group }
            first += some.count
        }
        return nil
    }
}
