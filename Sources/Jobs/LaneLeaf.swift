/// One side of a lane: a table of its own, claimed by its number.
package struct LaneLeaf: Sendable, Hashable {
    /// The number in the table's name.
    package let number: Int32
    /// The queue it belongs to.
    package let queue: String

    package init(number: Int32, queue: String) {
        self.number = number
        self.queue = queue
    }
}

/// Where a claim may start to look: what lies before was seen to be gone.
///
/// A hint of one process. Numbers are taken early and committed late, and urgent jobs come in front, so it is given up
/// on an empty claim and at least once a second.
package struct LaneFloor: Sendable, Hashable, Comparable {
    package let rank: Int64
    package let id: JobID

    package init(rank: Int64, id: JobID) {
        self.rank = rank
        self.id = id
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.rank, left.id.rawValue) < (right.rank, right.id.rawValue)
    }
}
