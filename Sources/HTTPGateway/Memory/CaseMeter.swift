internal import BoxOffice
internal import Postgres
internal import Reactor
internal import Telemetry

/// Counts the payments that wait for a person, for whoever watches the metrics.
final class CaseMeter: Sendable {
    private static let pause = Duration.seconds(5)

    private let postgres: PostgresClient
    private let logger: Logger
    private let open: Gauge
    private let age: Gauge

    init(postgres: PostgresClient, metrics: MetricsRegistry, logger: Logger) {
        self.postgres = postgres
        self.logger = logger
        open = metrics.gauge(
            "usher_payment_cases_open",
            help: "Payments that only a person can settle, of the whole house."
        )
        age = metrics.gauge(
            "usher_payment_cases_oldest_seconds",
            help: "For how long the oldest of the payments that only a person can settle has waited."
        )
    }

    /// Counts once.
    ///
    /// - Throws: `PostgresError`.
    func refresh() async throws {
        let backlog = try await PaymentCase.backlog(in: postgres)
        open.set(Double(backlog.count))
        age.set(backlog.oldest.seconds)
    }

    /// Counts again and again until the task is cancelled.
    func run() async {
        await Rounds.run(
            every: Self.pause,
            failure: "could not count the payments that wait for a person",
            logger: logger
        ) {
            try await refresh()
        }
    }
}
