internal import HTTP
public import Postgres
public import Reactor
public import Telemetry
public import Workflows

/// The HTTP side of the box office: the API of buyers, promoters and operators, and the admin port.
///
/// ```swift
/// let gateway = Gateway(postgres: postgres, loops: loops, registry: registry)
/// try await gateway.run { ports in print("listening on port \(ports.api)") }
/// ```
public final class Gateway: Sendable {
    /// The ports that a gateway listens on.
    public struct Ports: Sendable, Hashable {
        /// The API's.
        public let api: Int
        /// The admin port.
        public let admin: Int
    }

    private let loops: EventLoopGroup
    private let configuration: GatewayConfiguration
    private let services: Services
    private let api: HTTPServer
    private let admin: HTTPServer
    private let stop = StopSignal()
    /// Whoever asks twice to stop does not want to wait.
    private let hurry = AsyncStream.makeStream(of: Void.self)

    /// Prepares a gateway; nothing listens yet.
    ///
    /// - Parameters:
    ///   - postgres: the database, migrated.
    ///   - replica: what everybody may see is read there while it is fresh; nil where there is none.
    ///   - loops: the connections live there.
    ///   - registry: has the code of reservations; the gateway runs only their first step.
    ///   - configuration: where to listen.
    ///   - metrics: the gateway's own are added, and all are shown on the admin port.
    ///   - logger: hears what operators should know.
    ///   - tracer: is given a span for each call, and for what the gateway does of reservations.
    public init(
        postgres: PostgresClient,
        replica: PostgresClient? = nil,
        loops: EventLoopGroup,
        registry: WorkflowRegistry,
        configuration: GatewayConfiguration = GatewayConfiguration(),
        metrics: MetricsRegistry = MetricsRegistry(),
        logger: Logger = Logger(label: "gateway"),
        tracer: Tracer? = nil
    ) {
        self.loops = loops
        self.configuration = configuration
        let services = Services(
            postgres: postgres,
            replica: replica,
            registry: registry,
            configuration: configuration,
            metrics: metrics,
            logger: logger,
            tracer: tracer,
            loops: loops.loops.count
        )
        self.services = services
        let dispatcher = Dispatcher(
            services: services,
            metrics: metrics,
            tracer: tracer,
            origins: configuration.origins
        )
        var server = configuration.server
        // Some are needed for the database and the process itself; whoever comes too late should be told so.
        let table = max(64, DescriptorLimit.raise() - 256)
        server.maxConnectionsPerLoop = min(server.maxConnectionsPerLoop, table)
        let tables = loops.haveOwnDescriptors ? loops.loops.count : 1
        server.maxConnections = min(server.maxConnections, table * tables)
        server.standingHeaders.add("X-Content-Type-Options", "nosniff")
        server.standingHeaders.add("X-Frame-Options", "DENY")
        server.standingHeaders.add("Referrer-Policy", "no-referrer")
        if server.certificate != nil {
            server.standingHeaders.add("Strict-Transport-Security", "max-age=31536000")
        }
        api = HTTPServer(loops: loops, configuration: server) { dispatcher.answer($0) }
        let page = AdminPage(
            services: services,
            metrics: metrics,
            connections: { [api] in api.connections },
            isStopping: { [stop] in stop.isSet }
        )
        admin = HTTPServer(loops: loops) { page.answer($0) }
    }

    /// Listens and answers until ``drain()`` or until the task is cancelled; then what is in flight is finished.
    ///
    /// - Parameter whenListening: is told the ports.
    /// - Throws: `HTTPServerError` when a port can't be had, ``PostgresError`` when the queues can't be made.
    public func run(whenListening: @Sendable (Ports) -> Void = { _ in }) async throws {
        try await services.prepare()
        let ports = Ports(
            api: try await api.start(address: configuration.address, port: configuration.port),
            admin: try await startAdmin()
        )
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.services.run(on: self.loops) }
                group.addTask { await self.tick() }
                if let certificate = configuration.server.certificate {
                    group.addTask { await self.renew(certificate) }
                }
                whenListening(ports)
                group.addTask {
                    await self.stop.wait()
                    await self.untilBalancersKnow()
                    await self.api.drain()
                    self.services.close()
                    await self.admin.drain(deadline: .seconds(1))
                }
                // Whichever ends first, a failure or the drain, the other follows.
                defer {
                    stop.set()
                    group.cancelAll()
                }
                try await group.next()
            }
        } onCancel: {
            stop.set()
        }
    }

    /// Has every loop tell its channels what has changed, as often as the board looks, and hears how late each is for it.
    private func tick() async {
        let live = services.live
        while !Task.isCancelled {
            let asked = MonotonicTime.now
            api.onEachLoop { loop in
                self.note(delay: .now - asked)
                live.tick(on: loop)
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Takes in how late a loop came to its work.
    func note(delay: Duration) { services.board.note(delay: delay) }

    /// Takes up a certificate that was renewed on disk.
    private func renew(_ certificate: TLSCertificate) async {
        let logger = services.logger
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: configuration.certificateInterval)
                if try certificate.reload() {
                    logger.info("certificate renewed", ["file": certificate.chain])
                }
            } catch let fault as TLSFault {
                logger.error("the certificate from before stays", ["error": fault])
            } catch {
                return
            }
        }
    }

    private func startAdmin() async throws -> Int {
        do {
            return try await admin.start(address: configuration.adminAddress, port: configuration.adminPort)
        } catch {
            await api.drain(deadline: .zero)
            throw error
        }
    }

    /// Waits as long as balancers may take to hear that this gateway stops; not in a task that is cancelled.
    private func untilBalancersKnow() async {
        await withTaskGroup { group in
            group.addTask { [delay = configuration.drainDelay] in try? await Task.sleep(for: delay) }
            group.addTask { [hurry] in for await _ in hurry.stream { break } }
            await group.next()
            group.cancelAll()
        }
    }

    /// Says on `/readyz` that it stops; after ``GatewayConfiguration/drainDelay`` stops accepting, finishes what is in flight,
    /// and lets ``run(whenListening:)`` return.
    ///
    /// Called again it stops accepting at once.
    public func drain() {
        if stop.isSet { hurry.continuation.yield() }
        stop.set()
    }
}
