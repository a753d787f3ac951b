import Jobs
import Reactor

/// The plain jobs of one claim while this worker runs them: their tasks, and the ends that are not written yet.
final class RunningBatch: Sendable {
    /// What an end means for who writes.
    enum Arrival {
        /// Others of the batch wait already, and more are to come.
        case one
        /// The first that waits for company.
        case first
        /// All that is left has ended.
        case complete
    }

    private enum Phase {
        case running
        /// Its task was cancelled; however its code ends, this is its end.
        case interrupted(JobEnd.Next)
        case ended
    }

    private struct State {
        var tasks: [Task<Void, Never>?]
        var phases: [Phase]
        var ends: [(index: Int, end: JobEnd.Next)] = []
        /// Jobs whose ends are not written.
        var open: Int
        /// Whether the batch can be closed by its number: every end so far is told by that.
        var isPlain = true

        var arrival: Arrival { ends.count == open ? .complete : ends.count == 1 ? .first : .one }
    }

    /// The claim's number.
    let number: Int64
    let jobs: [ClaimedJob]
    private let state: Lock<State>

    init(_ jobs: [ClaimedJob], number: Int64) {
        self.jobs = jobs
        self.number = number
        state = Lock(
            State(
                tasks: Array(repeating: nil, count: jobs.count),
                phases: Array(repeating: .running, count: jobs.count),
                open: jobs.count
            )
        )
    }

    /// Notes the task of a job, which may have ended by now.
    func started(_ index: Int, _ task: Task<Void, Never>) {
        state.withLock { state in
            switch state.phases[index] {
            case .running:
                state.tasks[index] = task
            case .interrupted:
                state.tasks[index] = task
                task.cancel()
            case .ended:
                break
            }
        }
    }

    /// Notes how a job's code ended.
    ///
    /// - Returns: nil if its end was written without it.
    func ended(_ index: Int, _ end: JobEnd.Next) -> Arrival? {
        state.withLock { state in
            switch state.phases[index] {
            case .running: return self.end(index, end, &state)
            case .interrupted(let instead): return self.end(index, instead, &state)
            case .ended: return nil
            }
        }
    }

    private func end(_ index: Int, _ end: JobEnd.Next, _ state: inout State) -> Arrival {
        state.phases[index] = .ended
        state.tasks[index] = nil
        state.ends.append((index, end))
        if state.isPlain {
            if case .done(output: nil) = end, !jobs[index].owesMore { return state.arrival }
            state.isPlain = false
        }
        return state.arrival
    }

    /// Cancels a job's task and decides its end.
    ///
    /// - Returns: false if the job has ended, or was interrupted before.
    func interrupt(_ index: Int, _ end: JobEnd.Next) -> Bool {
        state.withLock { state in
            guard case .running = state.phases[index] else { return false }
            state.phases[index] = .interrupted(end)
            state.tasks[index]?.cancel()
            return true
        }
    }

    /// Takes the end of an interrupted job without waiting for its code any longer.
    ///
    /// - Returns: nil if the code has ended.
    func giveUp(_ index: Int) -> Arrival? {
        state.withLock { state in
            guard case .interrupted(let end) = state.phases[index] else { return nil }
            return self.end(index, end, &state)
        }
    }

    /// Notes jobs whose ends somebody else has written.
    ///
    /// - Returns: whether what is left has ended, or nothing is left.
    func written(_ indices: [Int]) -> (isComplete: Bool, isEmpty: Bool) {
        state.withLock { state in
            for index in indices { state.phases[index] = .ended }
            state.open -= indices.count
            return (state.ends.count == state.open, state.open == 0)
        }
    }

    /// What there is to write of a batch.
    enum Ends {
        /// So many jobs, which are all that was left, ended well and left nothing: closing the batch says so.
        case whole(Int)
        case some([(job: ClaimedJob, end: JobEnd.Next)], isLast: Bool)
    }

    /// Takes the ends to write them.
    func take() -> Ends {
        state.withLock { state in
            let count = state.ends.count
            state.open -= count
            defer { state.ends.removeAll() }
            if state.open == 0, count > 0, state.isPlain { return .whole(count) }
            return .some(state.ends.map { (jobs[$0.index], $0.end) }, isLast: state.open == 0)
        }
    }

    /// The jobs whose code has not ended.
    var unfinished: [ClaimedJob] {
        state.withLock { state in
            jobs.indices.filter { if case .ended = state.phases[$0] { false } else { true } }.map { jobs[$0] }
        }
    }

    /// Cancels whatever still runs.
    ///
    /// - Returns: the tasks.
    func cancelAll() -> [Task<Void, Never>] {
        let tasks = state.withLock { $0.tasks.compactMap { $0 } }
        for task in tasks { task.cancel() }
        return tasks
    }
}
