internal import BoxOffice
internal import Postgres
internal import Reactor
internal import Telemetry

/// Says how the caches in front take what they are asked, for whoever watches the metrics.
final class PurgeMeter: DatabaseMeter {
    static let pause = Duration.seconds(5)
    static let failure = "could not see how caches purge"

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
        for view in try await PagePurges.caches(in: postgres) {
            let labels: KeyValuePairs = ["cache": view.cache]
            metrics.gauge(
                "usher_page_purge_lag_seconds",
                help: "How old the first page is that a cache has yet to forget.",
                labels: labels
            ).set(view.lag)
            metrics.gauge(
                "usher_page_purge_failures",
                help: "How often a cache has failed in a row.",
                labels: labels
            ).set(Double(view.failures))
            metrics.gauge(
                "usher_page_purged_keys",
                help: "How many keys a cache has forgotten.",
                labels: labels
            ).set(Double(view.purged))
        }
    }
}
