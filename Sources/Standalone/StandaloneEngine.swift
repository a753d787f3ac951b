internal import Foundation
internal import Jobs
public import Postgres
internal import Reactor
internal import Scheduler
internal import Telemetry
internal import Worker
public import Workflows

/// All it takes to run workflows, in one process: a schema, a client, a worker and a scheduler.
///
/// ```swift
/// let engine = try await StandaloneEngine(schema: "shop")
/// var registry = WorkflowRegistry()
/// registry.register(Order(shop: shop))
/// try await engine.run(registry)                                  // until SIGTERM or SIGINT
/// ```
/// Any number of such processes may share a schema: runs go on in another when one dies. For pools of workers of their
/// own, run a `JobWorker` and a `JobScheduler` yourself.
public struct StandaloneEngine: Sendable {
    /// Connections with the schema on their search path, for tables of your own beside the engine's.
    public let postgres: PostgresClient
    /// Starts runs, sends them events and ends them.
    public let client: WorkflowClient
    /// Where the engine's tables are.
    public let schema: String

    /// Connects, makes the schema and brings it up to date.
    ///
    /// - Parameters:
    ///   - url: of the database; nil is what `USHER_DATABASE_URL` says, and without that what the `PG*` variables do.
    ///   - schema: what the schema is called, unless `USHER_SCHEMA` says otherwise.
    /// - Throws: ``PostgresError`` when the URL can't be read or the database not be reached.
    public init(url: String? = nil, schema: String = "usher") async throws {
        let environment = ProcessInfo.processInfo.environment
        var configuration = try PostgresConfiguration(
            url: url ?? environment["USHER_DATABASE_URL"] ?? "postgresql:///"
        )
        self.schema = environment["USHER_SCHEMA"] ?? schema
        configuration.schema = self.schema
        postgres = PostgresClient(configuration, loops: try EventLoopGroup(count: 1))
        client = WorkflowClient(postgres: postgres)
        try await Migrator(postgres, schema: self.schema).migrate()
    }

    /// Works until SIGTERM or SIGINT, then finishes or hands back what it holds.
    ///
    /// - Parameters:
    ///   - registry: the code of what it may run.
    ///   - queues: what it claims from; nil is all queues that the registered workflows name. Effects that hop to
    ///     another queue need that one, too.
    /// - Throws: ``PostgresError`` when the worker can't register; later failures are waited out.
    public func run(_ registry: WorkflowRegistry, queues: [String]? = nil) async throws {
        try await run(registry, queues: queues) {
            await Endings.asked()
        }
    }

    /// Works while `body` does, then finishes or hands back what it holds.
    ///
    /// - Parameters:
    ///   - registry: the code of what it may run.
    ///   - queues: what it claims from; nil is all queues that the registered workflows name.
    ///   - body: what is done meanwhile; it is cancelled when the worker can't begin.
    /// - Returns: what `body` returned.
    /// - Throws: what `body` threw; ``PostgresError`` when the worker can't register.
    public func run<Answer: Sendable>(
        _ registry: WorkflowRegistry,
        queues: [String]? = nil,
        while body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let logger = Logger(label: schema)
        let worker = JobWorker(
            postgres: postgres,
            registry: registry,
            configuration: WorkerConfiguration(queues: queues ?? registry.queues.sorted()),
            logger: logger
        )
        let scheduler = JobScheduler(
            postgres: postgres,
            name: "\(ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)",
            logger: logger
        )
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            // They end when they are told to, not when they are cancelled.
            defer {
                worker.stop()
                scheduler.stop()
            }
            group.addTask {
                try await worker.run()
                return nil
            }
            group.addTask {
                await scheduler.run()
                return nil
            }
            group.addTask { try await body() }
            while let ended = try await group.next() {
                guard let answer = ended else { continue }
                worker.stop()
                scheduler.stop()
                try await group.waitForAll()
                return answer
            }
            throw CancellationError()
        }
    }
}
