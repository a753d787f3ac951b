internal import BoxOffice
internal import Postgres
internal import Reactor
internal import Telemetry
internal import Worker
internal import Workflows

/// `usher worker`: claims the jobs of some queues and runs them.
enum WorkerCommand {
    static let queues = Option(
        "queues",
        .list("NAMES"),
        environment: "USHER_QUEUES",
        initial: "default,reservations,payments,notifications,notifications.email,notifications.sms,pages",
        help: "The queues to serve"
    )
    static let pool = Option(
        "pool",
        .text("NAME"),
        environment: "USHER_POOL",
        initial: "default",
        help: "The pool it belongs to, as operators see it"
    )
    static let capacity = Option(
        "capacity",
        .number(1...10_000),
        environment: "USHER_CAPACITY",
        initial: "256",
        help: "The most runs it holds at a time"
    )
    static let connections = Option(
        "connections",
        .number(1...500),
        environment: "USHER_CONNECTIONS",
        initial: "8",
        help: "The most database connections it opens"
    )
    static let command = Command(
        "worker",
        "Run a worker",
        discussion:
            "Any number may serve the same queues. When told to end it finishes or hands back what it holds.",
        options: [
            queues, pool, capacity, connections, .paymentsURL, .paymentsKey, .otlpEndpoint,
        ] + MessageOptions.all + PageCacheOptions.all + Option.database,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        let place = try await Workplace.open(
            invocation,
            connections: arguments.number(connections) ?? 8,
            isServing: true
        )
        try await place.checkSchema()
        try await MessageOptions.prepare(arguments, place.postgres)
        try await PurgePages.prepare(place.postgres)
        let logger = invocation.logger("worker")
        let export = try SpanExport(invocation, place, service: "usher-worker")
        let worker = JobWorker(
            postgres: place.postgres,
            registry: try BoxOfficeCode.registry(invocation, place.postgres),
            configuration: WorkerConfiguration(
                pool: arguments.text(pool) ?? "default",
                queues: arguments.list(queues),
                capacity: arguments.number(capacity) ?? 256
            ),
            logger: logger,
            tracer: export?.tracer
        )
        logger.info(
            "running",
            ["pool": arguments.text(pool) ?? "", "queues": arguments.list(queues).joined(separator: ",")]
        )
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await place.postgres.run() }
            if let export { group.addTask { await export.run() } }
            group.addTask {
                await invocation.stop.wait()
                worker.stop()
            }
            try await worker.run()
            group.cancelAll()
        }
        await place.close()
    }
}
