import Jobs
import Reactor

/// What a worker holds: its claimed batches, and which of their jobs have not moved on yet.
final class Holdings: Sendable {
    private struct State {
        var jobs: [JobID: ClaimedJob] = [:]
        var left: [Int64: Int] = [:]
        /// Batches of runs, whose claims nobody else deletes.
        var finished: [Int64] = []
        var settled = 0
    }

    private let state = Lock(State())

    var count: Int { state.withLock { $0.jobs.count } }
    var settled: Int { state.withLock { $0.settled } }
    /// The batches that are held, or whose claims are still to be forgotten.
    var batches: [Int64] { state.withLock { Array($0.left.keys) + $0.finished } }

    func add(_ jobs: [ClaimedJob]) {
        state.withLock { state in
            for job in jobs {
                // A job claimed again before its last batch was settled counts for the new one only.
                if let old = state.jobs.updateValue(job, forKey: job.id) { Self.settle(old, &state) }
                state.left[job.batch, default: 0] += 1
            }
        }
    }

    /// Forgets jobs, except those that have been claimed again since.
    func remove(_ jobs: [ClaimedJob]) {
        state.withLock { state in
            state.settled += jobs.count
            for job in jobs {
                guard let held = state.jobs[job.id], held.batch == job.batch else { continue }
                state.jobs[job.id] = nil
                Self.settle(held, &state)
            }
        }
    }

    private static func settle(_ job: ClaimedJob, _ state: inout State) {
        let left = state.left[job.batch, default: 1] - 1
        state.left[job.batch] = left == 0 ? nil : left
        if left == 0, job.isRun { state.finished.append(job.batch) }
    }

    /// The batches of runs that have all moved on.
    func finishedBatches() -> [Int64] {
        state.withLock { $0.finished }
    }

    /// Drops batches whose claims are forgotten.
    func forget(_ batches: [Int64]) {
        let gone = Set(batches)
        state.withLock { $0.finished.removeAll { gone.contains($0) } }
    }

    /// Takes everything that is still held.
    func takeAll() -> [ClaimedJob] {
        state.withLock { state in
            defer { state.jobs.removeAll() }
            return Array(state.jobs.values)
        }
    }
}
