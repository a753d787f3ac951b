/// One side of a lane: a table of its own, claimed by its number.
package struct LaneLeaf: Sendable, Hashable {
    /// The number in the table's name.
    package let number: Int32
    /// The queue it belongs to.
    package let queue: String
    /// Whether the queue has jobs with keys, which must be dispatched to their lanes.
    package let isKeyed: Bool
    /// Whether the queue has a limit for all its jobs, which every claim must ask.
    package let isLimited: Bool
    /// How many workers serve the queue, as far as was seen.
    package let workers: Int

    package init(
        number: Int32,
        queue: String,
        isKeyed: Bool = false,
        isLimited: Bool = false,
        workers: Int = 1
    ) {
        self.number = number
        self.queue = queue
        self.isKeyed = isKeyed
        self.isLimited = isLimited
        self.workers = workers
    }
}

/// Where a claim may start to look: what lies before was seen to be gone.
///
/// A hint of one process. Numbers are taken early and committed late, and urgent jobs come in front, so it is given up
/// on an empty claim and at least once a second.
package struct LaneFloor: Sendable, Hashable, Comparable {
    package let rank: Int64
    package let id: JobID

    /// Before everything.
    package static let first = Self(rank: .min, id: JobID(rawValue: .min))

    package init(rank: Int64, id: JobID) {
        self.rank = rank
        self.id = id
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.rank, left.id.rawValue) < (right.rank, right.id.rawValue)
    }
}
