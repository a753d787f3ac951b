/// How far the log can be read without missing what is written late.
///
/// Numbers are given out before transactions commit, so behind the greatest number that can be seen others may still
/// appear. A number is final when every transaction that could have taken it, or one before it, has ended:
/// `facts_horizon()` says which number was given last, and then which transactions there are. So no lock is taken, nothing
/// is written, and a writer never waits for a reader; the log is as far behind as the longest transaction that writes.
package struct FactHorizon: Sendable, Equatable {
    /// What was seen at one time, see `facts_horizon()`.
    package struct Sample: Sendable, Equatable {
        /// The greatest number that was given out.
        package var given: Int64
        /// Every transaction that took a number up to `given` has a smaller id.
        package var coming: Int64
        /// The smallest id of a transaction that has not ended.
        package var oldest: Int64

        package init(given: Int64, coming: Int64, oldest: Int64) {
            self.given = given
            self.coming = coming
            self.oldest = oldest
        }
    }

    /// All facts up to this number are there to be seen; never moves back.
    package private(set) var final: Int64
    private static let mostWaiting = 32

    /// Samples that wait for their transactions, the oldest first.
    private var waiting: [Sample] = []

    /// Starts at a number that is known to be final, such as a cursor's.
    package init(final: Int64 = 0) { self.final = final }

    /// Whether a number was given out that is not final.
    package var isBehind: Bool { !waiting.isEmpty }

    /// Takes in what was seen; samples come in the order in which they were taken.
    ///
    /// - Returns: Whether more is final now.
    @discardableResult
    package mutating func take(_ sample: Sample) -> Bool {
        if sample.given > (waiting.last?.given ?? final) {
            // While one transaction takes long, the latest sample stands for those before it.
            if waiting.count == Self.mostWaiting { waiting.removeLast() }
            waiting.append(sample)
        }
        let before = final
        while let first = waiting.first, first.coming <= sample.oldest {
            final = first.given
            waiting.removeFirst()
        }
        return final > before
    }
}
