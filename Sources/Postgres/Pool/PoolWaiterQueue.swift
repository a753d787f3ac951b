internal import Reactor

/// Who waits for a connection, in order.
///
/// Waiters may leave from the middle.
struct PoolWaiterQueue {
    struct Waiter: Equatable {
        let id: UInt64
        let deadline: MonotonicTime
    }

    private var entries: [Waiter?] = []
    private var head = 0
    private var positions: [UInt64: Int] = [:]
    /// What a position loses to the entries dropped from the front.
    private var dropped = 0

    var count: Int { positions.count }

    var isEmpty: Bool { positions.isEmpty }

    /// Who has waited for longest.
    mutating func first() -> Waiter? {
        skipGone()
        return head < entries.count ? entries[head] : nil
    }

    mutating func append(_ waiter: Waiter) {
        positions[waiter.id] = entries.count + dropped
        entries.append(waiter)
    }

    mutating func popFirst() -> Waiter? {
        guard let waiter = first() else { return nil }
        remove(waiter.id)
        return waiter
    }

    /// Takes a waiter out.
    ///
    /// - Returns: whether it was still waiting.
    @discardableResult
    mutating func remove(_ id: UInt64) -> Bool {
        guard let position = positions.removeValue(forKey: id) else { return false }
        entries[position - dropped] = nil
        return true
    }

    private mutating func skipGone() {
        while head < entries.count, entries[head] == nil { head += 1 }
        guard head > 64, head * 2 > entries.count else { return }
        entries.removeFirst(head)
        dropped += head
        head = 0
    }
}
