internal import Reactor
internal import Telemetry

/// Work that is done again and again while the gateway runs, and that may fail now and then.
enum Rounds {
    /// Does it until the task is cancelled, with a pause after each time; a failure is logged.
    ///
    /// - Parameters:
    ///   - pause: From the end of one time to the beginning of the next.
    ///   - failure: What is logged, such as `could not count`.
    ///   - logger: Is told of failures.
    ///   - work: What is done.
    static func run(
        every pause: Duration,
        failure: String,
        logger: Logger,
        _ work: () async throws -> Void
    ) async {
        while !Task.isCancelled {
            do {
                try await work()
            } catch  where !Task.isCancelled {
                logger.warning(failure, ["error": "\(error)"])
            } catch {
                return
            }
            // It throws only when the task is cancelled, which the loop sees.
            try? await Task.sleep(for: pause)
        }
    }
}
