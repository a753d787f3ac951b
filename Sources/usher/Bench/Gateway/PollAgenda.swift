internal import Reactor

/// Buyers who each ask where they stand, and again when the answer says so, until the time is over.
final class PollAgenda: LoadAgenda {
    /// The fineness of the instants at which polls are due.
    private static let slot = Duration.milliseconds(10)
    /// After an answer that names no time.
    private static let patience = Duration.seconds(1)

    private let spread: Duration
    private let length: Duration
    private let buyers: Int
    /// Who polls next, by the slot in which it is due.
    private var slots: [[Int]] = []
    private var current = 0
    private var start = MonotonicTime(nanoseconds: 0)

    /// Prepares the buyers.
    ///
    /// - Parameters:
    ///   - buyers: how many.
    ///   - spread: the time over which their first polls come, evenly.
    ///   - length: after this nobody polls any more.
    init(buyers: Int, spread: Duration, length: Duration) {
        (self.buyers, self.spread, self.length) = (buyers, spread, length)
    }

    let isPaced = true
    var isOver: Bool { current >= slots.count }

    func begin(at start: MonotonicTime) {
        self.start = start
        slots = Array(repeating: [], count: max(1, Int(length / Self.slot)))
        for buyer in 0..<buyers { add(buyer, after: spread * (Double(buyer) / Double(buyers))) }
    }

    func take(at now: MonotonicTime) -> (request: Int, due: MonotonicTime)? {
        while current < slots.count {
            let due = start + Self.slot * current
            guard due <= now else { return nil }
            if let buyer = slots[current].popLast() { return (buyer, due) }
            current += 1
        }
        return nil
    }

    func answered(_ request: Int, _ bytes: ArraySlice<UInt8>?) {
        let told = bytes.flatMap { ResponseGlance.number("poll_after_ms", in: $0) }
        add(request, after: .now - start + (told.map { .milliseconds($0) } ?? Self.patience))
    }

    private func add(_ buyer: Int, after time: Duration) {
        // Never in the slot that is being emptied, or whoever is told to come at once would hold everybody up.
        let slot = max(current + 1, Int((time / Self.slot).rounded(.up)))
        if slot < slots.count { slots[slot].append(buyer) }
    }
}
