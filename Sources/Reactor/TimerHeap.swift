/// Timers in order of their deadline; ties fire in the order they were scheduled.
///
/// A cancelled timer is forgotten at once, its place in the heap when it comes to the top.
struct TimerHeap {
    private struct Entry {
        var deadline: MonotonicTime
        var sequence: UInt64

        static func < (left: Self, right: Self) -> Bool {
            (left.deadline, left.sequence) < (right.deadline, right.sequence)
        }
    }

    private var heap: [Entry] = []
    private var bodies: [UInt64: () -> Void] = [:]
    private var nextSequence: UInt64 = 0

    /// Timers that have neither fired nor been cancelled.
    var count: Int { bodies.count }

    /// When the next live timer falls due.
    mutating func nextDeadline() -> MonotonicTime? {
        dropCancelled()
        return heap.first?.deadline
    }

    mutating func schedule(at deadline: MonotonicTime, _ body: @escaping () -> Void) -> TimerID {
        let sequence = nextSequence
        nextSequence += 1
        bodies[sequence] = body
        heap.append(Entry(deadline: deadline, sequence: sequence))
        siftUp(heap.count - 1)
        return TimerID(sequence: sequence)
    }

    /// Forgets a timer.
    ///
    /// One that fired already is not missed.
    mutating func cancel(_ timer: TimerID) {
        bodies[timer.sequence] = nil
    }

    /// Takes one timer that is due at `now`, earliest first.
    mutating func popDue(at now: MonotonicTime) -> (() -> Void)? {
        dropCancelled()
        guard let first = heap.first, first.deadline <= now else { return nil }
        removeTop()
        return bodies.removeValue(forKey: first.sequence)
    }

    private mutating func dropCancelled() {
        while let first = heap.first, bodies[first.sequence] == nil { removeTop() }
    }

    private mutating func removeTop() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
