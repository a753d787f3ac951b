internal import EventLog
internal import Postgres
internal import Reactor
internal import Telemetry

/// Says how far the consumers of the event log are behind, for whoever watches the metrics.
final class ConsumerMeter: DatabaseMeter {
    static let pause = Duration.seconds(5)
    static let failure = "could not see how far consumers are"

    private let postgres: PostgresClient
    private let metrics: MetricsRegistry
    let logger: Logger

    init(postgres: PostgresClient, metrics: MetricsRegistry, logger: Logger) {
        self.postgres = postgres
        self.metrics = metrics
        self.logger = logger
    }

    /// Looks once.
    ///
    /// - Throws: `PostgresError`.
    func refresh() async throws {
        for view in try await ConsumerView.all(in: postgres) {
            metrics.gauge(
                "usher_event_consumer_lag_seconds",
                help: "How old the first event is that a consumer has yet to be told of.",
                labels: ["consumer": view.name]
            ).set(view.lag ?? 0)
            metrics.gauge(
                "usher_event_consumer_failures",
                help: "How often the worst part of a consumer has failed in a row.",
                labels: ["consumer": view.name]
            ).set(Double(view.parts.map(\.failures).max() ?? 0))
        }
    }
}
