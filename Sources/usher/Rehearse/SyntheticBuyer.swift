internal import BoxOffice

/// One buyer of a rehearsal, with all that they will do settled before they come.
struct SyntheticBuyer: Sendable, Equatable {
    /// What somebody wants who has come in.
    enum Intent: Sendable, Equatable {
        case buys
        /// Holds tickets and walks away from them.
        case holds
        /// Holds nothing, and is gone without saying so.
        case looks
    }

    /// When they join, in seconds from the start.
    let arrival: Int
    /// How many seconds they bear in line, from the start or from joining later; nil is as long as it takes.
    let patience: Int?
    /// Whether they come in when they are called.
    let comes: Bool
    /// Seconds from being called to coming in.
    let reaction: Int
    let intent: Intent
    /// Seconds from coming in to holding.
    let think: Int
    /// Seconds from holding to having paid.
    let payment: Int
    /// How many tickets.
    let quantity: Int
    /// Indices of the plan's tiers, the best loved first.
    let tiers: [Int]
    /// The group whose code they have.
    let group: String?

    /// The buyer of a number; the same for the same settings.
    ///
    /// - Parameters:
    ///   - number: from 0; the first are the members of groups.
    ///   - settings: what the crowd is like.
    ///   - sale: what it comes to.
    init(number: Int, settings: RehearsalSettings, sale: RehearsedSale) {
        var dice = SeededDice(seed: settings.seed, stream: number)
        arrival = settings.curve.second(
            prequeue: sale.prequeue,
            tail: sale.tail,
            share: settings.share,
            using: &dice
        )
        let bears = max(1, Int(Double.random(in: 0..<1, using: &dice) * Double(settings.patience)))
        patience = dice.chance(settings.abandon) ? bears : nil
        comes = !dice.chance(settings.noShow)
        // A page asks again after a quarter of a turn at most.
        reaction = Int.random(in: 0...min(10, max(0, sale.turnSeconds / 4)), using: &dice)
        let buys = dice.chance(settings.conversion)
        let holds = dice.chance(0.5)
        intent = buys ? .buys : holds ? .holds : .looks
        think = Self.spread(settings.think, using: &dice)
        payment = Self.spread(settings.payment, using: &dice)
        // One for sure, and each further one as likely as the mean asks for.
        var quantity = 1
        for _ in 1..<max(2, sale.maxPerBuyer) where sale.maxPerBuyer > 1 {
            if dice.chance((settings.basket - 1) / Double(sale.maxPerBuyer - 1)) { quantity += 1 }
        }
        self.quantity = quantity
        var left = Array(sale.tierCapacities.indices)
        var order: [Int] = []
        while !left.isEmpty {
            order.append(left.remove(at: dice.pick(left.map { sale.tierCapacities[$0] })))
        }
        tiers = order
        group = settings.group(ofBuyer: number)
    }

    /// From half to one and a half of a mean, in whole seconds.
    private static func spread(_ mean: Int, using dice: inout SeededDice) -> Int {
        Int((Double(mean) * Double.random(in: 0.5...1.5, using: &dice)).rounded())
    }
}
