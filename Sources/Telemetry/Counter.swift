internal import Synchronization

/// A number that only grows, such as jobs done.
public final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// Adds to the counter.
    public func increment(by amount: UInt64 = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum of all increments so far.
    public var value: UInt64 {
        count.load(ordering: .relaxed)
    }
}
