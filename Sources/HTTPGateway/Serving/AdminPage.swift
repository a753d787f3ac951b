internal import HTTP
internal import Postgres
internal import Telemetry

/// What the admin port answers: whether the process lives, whether it can serve, and its metrics.
struct AdminPage: Sendable {
    private let services: Services
    private let metrics: MetricsRegistry
    private let connections: @Sendable () -> Int
    private let isStopping: @Sendable () -> Bool
    private let openConnections: Gauge
    private let databaseConnections: Gauge
    private let databaseWaiting: Gauge

    init(
        services: Services,
        metrics: MetricsRegistry,
        connections: @escaping @Sendable () -> Int,
        isStopping: @escaping @Sendable () -> Bool
    ) {
        self.services = services
        self.metrics = metrics
        self.connections = connections
        self.isStopping = isStopping
        openConnections = metrics.gauge("usher_http_connections", help: "Open connections of the API.")
        databaseConnections = metrics.gauge(
            "usher_postgres_connections",
            help: "Connections to the database, used and idle."
        )
        databaseWaiting = metrics.gauge(
            "usher_postgres_waiting",
            help: "Callers that wait for a connection to the database."
        )
    }

    func answer(_ request: HTTPRequest) -> Reply {
        guard request.method == .get || request.method == .head else {
            var problem = Problem.methodNotAllowed
            problem.allow = "GET, HEAD"
            return .now(.problem(problem))
        }
        switch request.path {
        case "/healthz": return .now(.text("ok\n"))
        case "/readyz": return .now(ready(forReads: request.queryValue("for") == "reads"))
        case "/metrics": return .now(exposition())
        default: return .now(.problem(.notFound))
        }
    }

    /// Whether it can serve; `forReads` is content with what was last heard of the database.
    private func ready(forReads: Bool) -> HTTPResponse {
        if isStopping() { return .text("stopping\n", status: 503) }
        guard let age = services.board.age, (try? services.keys.current()) != nil else {
            return .text("the database has not answered yet\n", status: 503)
        }
        guard age < .seconds(10) || forReads else {
            return .text("the database has not answered for \(age.components.seconds) s\n", status: 503)
        }
        return .text("ready\n")
    }

    private func exposition() -> HTTPResponse {
        let pool = services.postgres.statistics
        openConnections.set(Double(connections()))
        databaseConnections.set(Double(pool.leased + pool.idle))
        databaseWaiting.set(Double(pool.waiting))
        return HTTPResponse(
            status: 200,
            headers: ["Content-Type": "text/plain; version=0.0.4"],
            body: Array(metrics.exposition().utf8)
        )
    }
}
