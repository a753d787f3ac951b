internal import Telemetry

/// Figures that are read from the database now and then, for whoever watches the metrics.
protocol DatabaseMeter: Sendable {
    /// From the end of one look to the beginning of the next.
    static var pause: Duration { get }
    /// What is logged when a look failed, such as `could not count`.
    static var failure: String { get }
    /// Is told of failures.
    var logger: Logger { get }
    /// Looks once.
    ///
    /// - Throws: `PostgresError`.
    func refresh() async throws
}

extension DatabaseMeter {
    /// Looks again and again until the task is cancelled.
    func run() async {
        await Rounds.run(every: Self.pause, failure: Self.failure, logger: logger) { try await refresh() }
    }
}
