/// How close to each other a party sits, from the closest on: what its buyer insists on, and how it was met.
package enum Together: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Side by side in one row.
    case adjacent
    /// In one row, around seats that others have or an aisle.
    case row
    /// In two neighbouring rows of one section, behind one another.
    case rows
    /// In one section.
    case section
    /// Anywhere in the tier.
    case apart

    package static func < (one: Self, other: Self) -> Bool { one.rank < other.rank }

    private var rank: Int {
        switch self {
        case .adjacent: 0
        case .row: 1
        case .rows: 2
        case .section: 3
        case .apart: 4
        }
    }
}
