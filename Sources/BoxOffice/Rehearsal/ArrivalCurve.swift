/// When the buyers of a rehearsal come.
package enum ArrivalCurve: String, Sendable, CaseIterable, Codable {
    /// Most in the last minutes before the start, and the late ones soon after it.
    case burst
    /// As many in each minute.
    case even
    /// Soon after the room opens.
    case early

    /// Whoever comes after the start has come by so many seconds later.
    package static let longestTail = 900

    /// The part that comes before the start, if nothing else is said.
    ///
    /// - Parameters:
    ///   - prequeue: seconds from the room's opening to the start.
    ///   - tail: seconds from the start in which the late ones come.
    /// - Returns: from 0 to 1.
    package func usualShare(prequeue: Int, tail: Int) -> Double {
        guard prequeue > 0 else { return 0 }
        switch self {
        case .burst: return 0.7
        case .even: return Double(prequeue) / Double(prequeue + tail)
        case .early: return 0.95
        }
    }
}
