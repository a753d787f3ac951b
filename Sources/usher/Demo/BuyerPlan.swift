internal import Reactor

/// What one buyer is like, settled before they come.
struct BuyerPlan: Sendable, Equatable {
    /// What they do in line and with a hold.
    enum Character: Sendable, Equatable, CaseIterable {
        /// Waits, holds, pays.
        case buys
        /// Gives up in line after some time.
        case givesUp
        /// Is not there when called.
        case missesTurn
        /// Holds, thinks better of it, and says so.
        case releases
        /// Holds and walks away.
        case letsExpire
        /// The card is declined; tries another, or lets go.
        case isDeclined
    }

    /// What they try that they shouldn't.
    enum Mischief: Sendable, Equatable {
        /// Presents tokens with a changed byte, made-up ones, and the wrong kind.
        case forges
        /// Asks for somebody else's place.
        case impersonates
        /// Asks for more than the limit.
        case exceedsLimit
        /// Asks to come in long before the turn.
        case skipsLine
    }

    var character: Character
    var mischief: Mischief?
    var doubleClicks: Bool
    /// Asks for more time for the hold.
    var extends: Bool
    /// After the room opens.
    var arrival: Duration
    /// How long they wait before giving up, for those who do.
    var patience: Duration
    /// How long a person takes before the next click.
    var hesitation: Duration
    /// How many tickets.
    var quantity: Int
    /// Indices of the plan's tiers, the best loved first.
    var tiers: [Int]
    /// Whether a declined one has another card.
    var hasSecondCard: Bool
    /// Whether they are told on a WebSocket instead of asking.
    var followsLive: Bool
    /// Whether they log out when they are done, so that the next can come in sooner.
    var logsOut: Bool

    /// The buyer of a number; the same for the same seed.
    ///
    /// - Parameters:
    ///   - number: from 0.
    ///   - seed: the crowd's.
    ///   - pace: when people come and how long they take.
    ///   - tierCapacities: in the plan's order; larger tiers are wanted by more.
    ///   - limit: the most tickets of one buyer.
    ///   - live: how many in a hundred are told on a WebSocket; the crowd is the same whatever it is.
    init(number: Int, seed: UInt64, pace: DemoPace, tierCapacities: [Int], limit: Int, live: Int = 0) {
        var dice = SeededDice(seed: seed, stream: number)
        let shares: [(Character, Int)] = [
            (.buys, 76), (.givesUp, 6), (.missesTurn, 4), (.releases, 4), (.letsExpire, 4), (.isDeclined, 6),
        ]
        character = shares[dice.pick(shares.map(\.1))].0
        let tricks: [(Mischief?, Int)] = [
            (nil, 94), (.forges, 2), (.impersonates, 1), (.exceedsLimit, 2), (.skipsLine, 1),
        ]
        mischief = tricks[dice.pick(tricks.map(\.1))].0
        doubleClicks = dice.chance(0.05)
        extends = dice.chance(0.05)
        // Most come for the opening, the rest trickle in while it sells.
        let isEarly = dice.chance(0.65)
        arrival =
            isEarly ? dice.seconds(0...pace.early.seconds) : pace.early + dice.seconds(0...pace.late.seconds)
        patience = dice.seconds(pace.patience)
        hesitation = dice.seconds(pace.hesitation)
        quantity = min(limit, 1 + dice.pick([22, 46, 14, 18]))
        var left = Array(tierCapacities.indices)
        var order: [Int] = []
        while !left.isEmpty {
            order.append(left.remove(at: dice.pick(left.map { tierCapacities[$0] })))
        }
        tiers = order
        hasSecondCard = dice.chance(0.6)
        logsOut = character != .letsExpire && dice.chance(0.8)
        // The last throw, so that it changes none of the others.
        followsLive = dice.chance(Double(live) / 100)
    }

    /// How many tickets a buyer asks for on average.
    static let meanQuantity = 2.28
}
