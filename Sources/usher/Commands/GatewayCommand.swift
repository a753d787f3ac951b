internal import BoxOffice
internal import HTTPGateway
internal import Postgres
internal import Reactor
internal import Telemetry

/// `usher gateway`: the HTTP API.
enum GatewayCommand {
    static let loops = Option(
        "loops",
        .number(1...64),
        environment: "USHER_LOOPS",
        initial: "1",
        help: "How many threads serve sockets"
    )

    static let command = Command(
        "gateway",
        "Run the HTTP API",
        discussion: "Any number may run behind a balancer.",
        options: [
            .host, .port, .adminPort, loops, WorkerCommand.connections, .paymentsURL, .paymentsKey,
            .paymentsSecret, .otlpEndpoint,
        ] + Option.database,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        let host = arguments.text(.host) ?? "127.0.0.1"
        let place = try await Workplace.open(
            invocation,
            connections: arguments.number(WorkerCommand.connections) ?? 8,
            loops: arguments.number(loops) ?? 1,
            isServing: true
        )
        try await place.checkSchema()
        let logger = invocation.logger("gateway")
        let export = try SpanExport(invocation, place, service: "usher-gateway")
        let gateway = Gateway(
            postgres: place.postgres,
            loops: place.loops,
            registry: try BoxOfficeCode.registry(invocation, place.postgres),
            configuration: GatewayConfiguration(
                address: host,
                port: arguments.number(.port) ?? 8080,
                adminAddress: host,
                adminPort: arguments.number(.adminPort) ?? 8081,
                paymentSecret: arguments.text(.paymentsSecret)
            ),
            logger: logger,
            tracer: export?.tracer
        )
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await place.postgres.run() }
            if let export { group.addTask { await export.run() } }
            group.addTask {
                await invocation.stop.wait()
                gateway.drain()
            }
            try await gateway.run { ports in
                logger.info("listening", ["host": host, "port": ports.api, "admin_port": ports.admin])
            }
            group.cancelAll()
        }
        await place.close()
    }
}
