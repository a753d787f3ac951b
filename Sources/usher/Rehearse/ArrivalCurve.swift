/// When the buyers of a rehearsal come.
enum ArrivalCurve: String, Sendable, CaseIterable {
    /// Most in the last minutes before the start, and the late ones soon after it.
    case burst
    /// As many in each minute.
    case even
    /// Soon after the room opens.
    case early

    /// Whoever comes after the start has come by so many seconds later.
    static let longestTail = 900

    /// The part that comes before the start, if nothing else is said.
    ///
    /// - Parameters:
    ///   - prequeue: seconds from the room's opening to the start.
    ///   - tail: seconds from the start in which the late ones come.
    /// - Returns: from 0 to 1.
    func usualShare(prequeue: Int, tail: Int) -> Double {
        guard prequeue > 0 else { return 0 }
        switch self {
        case .burst: return 0.7
        case .even: return Double(prequeue) / Double(prequeue + tail)
        case .early: return 0.95
        }
    }

    /// When one buyer comes.
    ///
    /// - Parameters:
    ///   - prequeue: seconds from the room's opening to the start.
    ///   - tail: seconds from the start in which the late ones come.
    ///   - share: the part that comes before the start.
    ///   - dice: the buyer's own.
    /// - Returns: seconds from the start; negative before it, and never before the room opens.
    func second(prequeue: Int, tail: Int, share: Double, using dice: inout SeededDice) -> Int {
        let comesBefore = dice.chance(share) && prequeue > 0
        let chance = Double.random(in: 0..<1, using: &dice)
        if comesBefore {
            let beforeStart =
                switch self {
                case .burst: chance * chance * chance
                case .even: chance
                case .early: 1 - chance * chance
                }
            return -min(prequeue, Int((beforeStart * Double(prequeue)).rounded(.up)))
        }
        return Int((self == .burst ? chance * chance : chance) * Double(max(tail, 1)))
    }
}
