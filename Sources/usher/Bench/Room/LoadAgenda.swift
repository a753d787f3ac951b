internal import Reactor

/// Which requests a load sends, and when; used on the load's loop only.
protocol LoadAgenda: AnyObject {
    /// Whether requests have an instant at which they are due; otherwise each connection's next follows its last.
    var isPaced: Bool { get }
    /// Whether no further request will come.
    var isOver: Bool { get }

    /// The load begins.
    func begin(at start: MonotonicTime)
    /// Takes the next request that is due; nil while none is.
    func take(at now: MonotonicTime) -> (request: Int, due: MonotonicTime)?
    /// A request was answered; without bytes it was refused or lost.
    func answered(_ request: Int, _ bytes: ArraySlice<UInt8>?)
}

/// So many requests, evenly over a time or without a pace.
final class EvenAgenda: LoadAgenda {
    private let total: Int
    private let over: Duration
    private let answer: (ArraySlice<UInt8>) -> Void
    private var next = 0
    private var start = MonotonicTime(nanoseconds: 0)

    init(total: Int, over: Duration, answer: @escaping (ArraySlice<UInt8>) -> Void) {
        (self.total, self.over, self.answer) = (total, over, answer)
    }

    var isPaced: Bool { over > .zero }
    var isOver: Bool { next == total }

    func begin(at start: MonotonicTime) { self.start = start }

    func take(at now: MonotonicTime) -> (request: Int, due: MonotonicTime)? {
        guard next < total else { return nil }
        let due = isPaced ? start + over * (Double(next) / Double(total)) : now
        guard due <= now else { return nil }
        defer { next += 1 }
        return (next, due)
    }

    func answered(_ request: Int, _ bytes: ArraySlice<UInt8>?) {
        if let bytes { answer(bytes) }
    }
}
