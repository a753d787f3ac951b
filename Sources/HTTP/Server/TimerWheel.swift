internal import Reactor

/// When to look at which connection again: a ring of short spans of time, each with the slots that come due in it.
///
/// A deadline that moves away, as one does with every request, costs nothing: the slot stays where it is, and when its span
/// comes its owner says when it is due by then. So a slot stands on the wheel once, however often its deadline moves.
struct TimerWheel: Sendable {
    /// How long a span is; nothing is looked at later than this after its deadline.
    let span: Duration
    private let start: MonotonicTime
    private var ring: [[Int]]
    /// The span that is looked at next, counted from the start.
    private var next = 0
    /// How many slots stand on the wheel.
    private(set) var count = 0

    /// - Parameters:
    ///   - span: how long a span is.
    ///   - spans: how many there are; a deadline beyond them all is looked at once in between.
    ///   - now: when the first span begins.
    init(span: Duration, spans: Int = 512, now: MonotonicTime = .now) {
        precondition(span > .zero && spans > 1, "a wheel needs spans")
        self.span = span
        start = now
        ring = Array(repeating: [], count: spans)
    }

    /// Puts a slot on the wheel; one that stands there already stands there twice then.
    ///
    /// - Returns: the span, which the owner keeps to know which of several is the one that counts.
    @discardableResult
    mutating func add(_ slot: Int, at deadline: MonotonicTime) -> Int {
        let when = span(of: deadline)
        ring[when % ring.count].append(slot)
        count += 1
        return when
    }

    /// Where a slot with that deadline would stand.
    func span(of deadline: MonotonicTime) -> Int {
        guard deadline > start else { return next }
        let wanted = (deadline.nanoseconds - start.nanoseconds) / UInt64(span.nanoseconds)
        return min(max(Int(clamping: wanted), next), next + ring.count - 1)
    }

    /// Takes the slots of the next span, if it is over at `now`.
    ///
    /// - Returns: the span and its slots, nil when the next one is not over.
    mutating func take(at now: MonotonicTime) -> (span: Int, slots: [Int])? {
        guard start + span * (next + 1) <= now else { return nil }
        if count == 0 {
            // Nothing is missed by jumping, however long nothing was there.
            next = max(next + 1, Int((now - start).nanoseconds / span.nanoseconds))
            return nil
        }
        let index = next % ring.count
        let slots = ring[index]
        ring[index] = []
        count -= slots.count
        next += 1
        return (next - 1, slots)
    }
}
