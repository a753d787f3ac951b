public import Jobs
internal import Reactor

extension WorkflowClient {
    /// Waits until a run has ended, or stands in a state.
    ///
    /// It looks again and again, less often the longer it takes; nothing is kept in the database for it.
    ///
    /// - Parameters:
    ///   - run: the run.
    ///   - state: what is waited for beside the end; nil is the end only.
    ///   - patience: how long to wait.
    /// - Returns: the run as it then stood.
    /// - Throws: ``WorkflowError`` (`timedOut`; `ended` when there is no such run); ``PostgresError``,
    ///   `CancellationError`.
    public func watch(
        _ run: JobID,
        until state: JobState? = nil,
        within patience: Duration = .seconds(30)
    ) async throws -> JobRecord {
        let deadline = MonotonicTime.now + patience
        var pause = Duration.milliseconds(5)
        while true {
            guard let job = try await store.job(run) else {
                throw WorkflowError(code: .ended, message: "there is no run \(run)")
            }
            if job.state.isTerminal || job.state == state { return job }
            guard MonotonicTime.now < deadline else {
                let awaited = state.map { "\($0.rawValue) or over" } ?? "over"
                throw WorkflowError(
                    code: .timedOut,
                    message: """
                        run \(run) (\(job.name)) is \(job.state.rawValue), and was not \(awaited) \
                        within \(patience.seconds) s
                        """
                )
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(200))
        }
    }
}
