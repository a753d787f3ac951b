import BoxOffice
import Jobs
import Reactor
import TestSupport
import Workflows

/// Plays rehearsals as a worker would, but only says what it is told to, when it is told to.
final class RehearsalStage: Job {
    static let name = RehearsalOrder.name
    static let queue = RehearsalOrder.queue
    static let retry = RetryPolicy.never

    static let report = """
        {"sold_out_at": 125, "capacity": 64, "sold": 64, "sold_per_minute": [30, 30, 4],
         "buyers": {"came": 90, "joined": 90, "called": 60, "came_in": 50, "bought": 40},
         "wait_to_called": {"p50": 61, "p90": 100}, "advice": "The stock bound it."}
        """

    private struct State {
        var ends: [String?] = []
        var playing: [AsyncStream<String?>.Continuation] = []
    }

    private let state = Lock(State())

    /// One that plays ends, or else the next: with the report, or with a reason why there is none.
    func end(_ problem: String? = nil) {
        state.withLock { state in
            while !state.playing.isEmpty {
                // One that was called off hears nothing any more.
                if case .enqueued = state.playing.removeFirst().yield(problem) { return }
            }
            state.ends.append(problem)
        }
    }

    func perform(_ context: JobContext, _ order: RehearsalOrder) async throws -> RehearsalResult {
        context.progress(0, "2:00 before the start: \(order.crowd.buyers) in line, 0 sold")
        let (curtain, drop) = AsyncStream.makeStream(of: String?.self)
        state.withLock { state in
            if state.ends.isEmpty { state.playing.append(drop) } else { drop.yield(state.ends.removeFirst()) }
        }
        for await problem in curtain {
            if let problem { throw JobVerdict.discard(problem) }
            return RehearsalResult(report: Self.report)
        }
        throw CancellationError()
    }
}
