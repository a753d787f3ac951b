import Jobs
import Reactor

/// What a worker holds: its claimed batches, and how many of their jobs have not moved on yet.
///
/// Plain jobs are counted by batch; runs, which may leave and come back while their batch is held, one by one.
final class Holdings: Sendable {
    private struct State {
        var runs: [JobID: ClaimedJob] = [:]
        var left: [Int64: Int] = [:]
        /// Plain jobs in all batches.
        var plain = 0
        /// Batches of runs, whose claims nobody else deletes.
        var finished: [Int64] = []
        var settled = 0
    }

    private let state = Lock(State())

    var count: Int { state.withLock { $0.runs.count + $0.plain } }
    var settled: Int { state.withLock { $0.settled } }
    /// The batches that are held, or whose claims are still to be forgotten.
    var batches: [Int64] { state.withLock { Array($0.left.keys) + $0.finished } }

    func add(_ batches: [ClaimedBatch]) {
        state.withLock { state in
            for batch in batches {
                state.left[batch.number, default: 0] += batch.jobs.count
                guard batch.isRun else {
                    state.plain += batch.jobs.count
                    continue
                }
                for run in batch.jobs {
                    // A run claimed again before its last batch was settled counts for the new one only.
                    if let old = state.runs.updateValue(run, forKey: run.id) { Self.settle(old, &state) }
                }
            }
        }
    }

    /// Forgets so many plain jobs of a batch.
    func remove(_ count: Int, ofBatch batch: Int64) {
        state.withLock { state in
            state.settled += count
            state.plain -= count
            let left = state.left[batch, default: count] - count
            state.left[batch] = left == 0 ? nil : left
        }
    }

    /// Forgets a run, unless it has been claimed again since.
    func remove(_ run: ClaimedJob) {
        state.withLock { state in
            state.settled += 1
            guard let held = state.runs[run.id], held.batch == run.batch else { return }
            state.runs[run.id] = nil
            Self.settle(held, &state)
        }
    }

    private static func settle(_ run: ClaimedJob, _ state: inout State) {
        let left = state.left[run.batch, default: 1] - 1
        state.left[run.batch] = left == 0 ? nil : left
        if left == 0 { state.finished.append(run.batch) }
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

    /// Takes the runs that are still held.
    func takeRuns() -> [ClaimedJob] {
        state.withLock { state in
            defer { state.runs.removeAll() }
            return Array(state.runs.values)
        }
    }
}
