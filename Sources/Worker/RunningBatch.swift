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
            case .running: return Self.end(index, end, &state)
            case .interrupted(let instead): return Self.end(index, instead, &state)
            case .ended: return nil
            }
        }
    }

    private static func end(_ index: Int, _ end: JobEnd.Next, _ state: inout State) -> Arrival {
        state.phases[index] = .ended
        state.tasks[index] = nil
        state.ends.append((index, end))
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
            return Self.end(index, end, &state)
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

    /// Takes the ends to write them.
    func take() -> (ends: [(job: ClaimedJob, end: JobEnd.Next)], isLast: Bool) {
        state.withLock { state in
            let taken = state.ends.map { (jobs[$0.index], $0.end) }
            state.ends.removeAll()
            state.open -= taken.count
            return (taken, state.open == 0)
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
