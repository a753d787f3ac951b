internal import Reactor

/// Runs one activation's tasks in the order they become runnable, on the thread of whoever pumps.
///
/// When the queue is empty every path of the run's code has finished or asked its context for something, so an
/// activation's order is the same each time it is replayed.
final class ActivationExecutor: TaskExecutor, @unchecked Sendable {
    // Sendable: the queue is behind its lock.
    private let queue = Lock<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.append(job) }
    }

    /// Runs until nothing is runnable.
    func pump() {
        let executor = unsafe asUnownedTaskExecutor()
        while true {
            let batch = queue.withLock { queue in
                defer { queue.removeAll(keepingCapacity: true) }
                return queue
            }
            guard !batch.isEmpty else { return }
            for job in batch { unsafe job.runSynchronously(on: executor) }
        }
    }
}
