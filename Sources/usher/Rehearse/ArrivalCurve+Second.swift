internal import BoxOffice

extension ArrivalCurve {
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
