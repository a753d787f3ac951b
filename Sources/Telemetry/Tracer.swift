internal import Glibc
internal import Reactor
internal import Synchronization

/// Collects the spans of a process for whoever exports them; it never makes anybody wait.
///
/// A process without one makes no spans, and still passes contexts on.
public final class Tracer: Sendable {
    private struct State {
        var spans: [TraceSpan] = []
        var arrived: (@Sendable () -> Void)?
    }

    private let state = Lock(State())
    private let capacity: Int
    private let lost = Atomic<Int>(0)

    /// Makes a tracer that keeps so many spans; what comes while it is full is dropped and counted.
    public init(capacity: Int = 8192) {
        self.capacity = max(1, capacity)
    }

    /// Spans that were dropped, here or by the exporter.
    public var dropped: Int { lost.load(ordering: .relaxed) }

    /// Keeps a span, unless its trace is not sampled.
    public func record(_ span: TraceSpan) {
        guard span.context.isSampled else { return }
        let (isKept, arrived) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
            guard state.spans.count < capacity else { return (false, nil) }
            state.spans.append(span)
            // Once per batch: what is taken is taken whole.
            return (true, state.spans.count == capacity / 2 ? state.arrived : nil)
        }
        if !isKept { drop(1) }
        arrived?()
    }

    /// Keeps spans.
    package func record(_ spans: [TraceSpan]) {
        for span in spans { record(span) }
    }

    /// Takes the oldest spans.
    package func take(upTo count: Int) -> [TraceSpan] {
        state.withLock { state in
            let taken = Array(state.spans.prefix(count))
            state.spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Is told when the half of the room is taken.
    package func onPressure(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.arrived = body }
    }

    /// Counts spans that will not be exported.
    package func drop(_ count: Int) {
        lost.wrappingAdd(count, ordering: .relaxed)
    }

    /// This moment, in nanoseconds since 1970, UTC.
    package static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
