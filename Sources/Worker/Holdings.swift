import Jobs
import Reactor

/// What a worker holds: its claimed batches, and which of their jobs have not moved on yet.
final class Holdings: Sendable {
    private struct State {
        var jobs: [JobID: (job: ClaimedJob, batch: Int64)] = [:]
        var left: [Int64: Int] = [:]
        var finished: [Int64] = []
        var settled = 0
    }

    private let state = Lock(State())

    var count: Int { state.withLock { $0.jobs.count } }
    var settled: Int { state.withLock { $0.settled } }

    func add(_ jobs: [(job: ClaimedJob, batch: Int64)]) {
        state.withLock { state in
            for entry in jobs {
                // A run claimed again before its last batch was settled counts for the new one only.
                if let old = state.jobs.updateValue(entry, forKey: entry.job.id) {
                    Self.settle(old.batch, &state)
                }
                state.left[entry.batch, default: 0] += 1
            }
        }
    }

    /// Forgets a job, unless it has been claimed again since under a newer epoch.
    func remove(_ job: ClaimedJob) {
        state.withLock { state in
            state.settled += 1
            guard let held = state.jobs[job.id], held.job.epoch == job.epoch else { return }
            state.jobs[job.id] = nil
            Self.settle(held.batch, &state)
        }
    }

    private static func settle(_ batch: Int64, _ state: inout State) {
        let left = state.left[batch, default: 1] - 1
        state.left[batch] = left == 0 ? nil : left
        if left == 0 { state.finished.append(batch) }
    }

    /// Takes the batches whose jobs have all moved on.
    func takeFinished() -> [Int64] {
        state.withLock { state in
            defer { state.finished.removeAll() }
            return state.finished
        }
    }

    /// Takes everything that is still held.
    func takeAll() -> [ClaimedJob] {
        state.withLock { state in
            defer { state.jobs.removeAll() }
            return state.jobs.values.map(\.job)
        }
    }
}
