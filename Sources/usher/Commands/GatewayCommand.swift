internal import BoxOffice
internal import HTTP
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
        ] + GatewayOptions.all + Option.database,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        let host = arguments.text(.host) ?? "127.0.0.1"
        let server = try GatewayOptions.server(invocation)
        let origins = try GatewayOptions.origins(invocation)
        let paymentMethods = try GatewayOptions.paymentMethods(invocation)
        let place = try await Workplace.open(
            invocation,
            connections: arguments.number(WorkerCommand.connections) ?? 8,
            loops: arguments.number(loops) ?? 1,
            isServing: true
        )
        try await place.checkSchema()
        let logger = invocation.logger("gateway")
        let export = try SpanExport(invocation, place, service: "usher-gateway")
        let replica = try arguments.text(GatewayOptions.replicaURL).map { url in
            try place.client(url: url, connections: 2)
        }
        let loops = try servingLoops(place, connections: server.maxConnections, arguments)
        let gateway = Gateway(
            postgres: place.postgres,
            replica: replica,
            loops: loops,
            registry: try BoxOfficeCode.registry(invocation, place.postgres),
            configuration: GatewayConfiguration(
                address: host,
                port: arguments.number(.port) ?? 8080,
                adminAddress: host,
                adminPort: arguments.number(.adminPort) ?? 8081,
                server: server,
                paymentSecret: arguments.text(.paymentsSecret),
                paymentMethods: paymentMethods,
                origins: origins,
                replicaStaleness: arguments.duration(GatewayOptions.replicaStaleness) ?? .seconds(2),
                drainDelay: arguments.duration(GatewayOptions.drainDelay) ?? .zero,
                wrongKeys: arguments.number(GatewayOptions.wrongKeys) ?? 10,
                pageSeconds: arguments.number(GatewayOptions.pageSeconds) ?? 2
            ),
            logger: logger,
            tracer: export?.tracer
        )
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await place.postgres.run() }
            if let replica { group.addTask { await replica.run() } }
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
        server.accessLog?.close()
        await replica?.shutdown()
        if loops !== place.loops { loops.stop() }
        await place.close()
    }

    /// The loops for the sockets of buyers: those of the database, or as many with tables of their own as it takes.
    ///
    /// The database's connections keep to the table of the process: they are closed by whoever lets go of them last.
    private static func servingLoops(
        _ place: Workplace,
        connections: Int,
        _ arguments: Arguments
    ) throws
        -> EventLoopGroup
    {
        let table = max(64, DescriptorLimit.raise() - 256)
        guard arguments.isGiven(GatewayOptions.maxConnections), connections > table else {
            return place.loops
        }
        let count = max(place.loops.loops.count, (connections + table - 1) / table)
        return try EventLoopGroup(count: count, name: "serve", ownDescriptors: true)
    }
}
