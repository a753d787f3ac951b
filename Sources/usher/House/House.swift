internal import HTTP
internal import Jobs
internal import Postgres
internal import Reactor

/// Everything that an on-sale needs on one machine: the database, scheduler, workers, gateway, and the payment
/// stand-in where no provider is named.
actor House {
    /// The group names that others ask for.
    enum GroupName {
        static let gateway = "gateway"
        static let scheduler = "scheduler"
        static let consumers = "consumers"
        static let payments = "psp"
        static func worker(_ pool: String) -> String { "worker \(pool)" }
    }

    private let settings: HouseSettings
    private let note: @Sendable (String) -> Void
    private let home: EventLoop
    private let lock: DirectoryLock
    private let port: Int
    private let adminPort: Int
    private let cluster: PrivateCluster?
    private let loops: EventLoopGroup
    private let databaseURL: String
    private var pools: Set<String> = []

    /// What starts and ends the processes.
    nonisolated let supervisor: Supervisor
    /// Connections of our own.
    nonisolated let postgres: PostgresClient

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe home.asUnownedSerialExecutor() }

    /// Where buyers, promoters and operators go.
    nonisolated let endpoint: HTTPEndpoint
    /// Where health and metrics are.
    nonisolated let adminEndpoint: HTTPEndpoint
    /// The payment provider.
    nonisolated let paymentsURL: String

    /// Starts the database and migrates it; no process of ours runs yet.
    ///
    /// `line` is given what the processes print, `note` what happened.
    init(
        _ settings: HouseSettings,
        line: @escaping @Sendable (String, String) -> Void,
        note: @escaping @Sendable (String) -> Void
    ) async throws {
        self.settings = settings
        self.note = note
        port = try PortCheck.available(settings.port, on: settings.host)
        adminPort = try PortCheck.available(settings.adminPort, on: settings.host)
        let reachable = settings.host == "0.0.0.0" ? "127.0.0.1" : settings.host
        endpoint = HTTPEndpoint(host: reachable, port: port)
        adminEndpoint = HTTPEndpoint(host: reachable, port: adminPort)
        let standInPort = try PortCheck.available(0, on: "127.0.0.1")
        paymentsURL = settings.paymentsURL ?? "http://127.0.0.1:\(standInPort)"

        try FileSystem.makeDirectory(settings.directory, mode: 0o755)
        lock = try DirectoryLock(settings.directory)
        home = try EventLoop(name: "house")
        loops = try EventLoopGroup(count: 1, name: "house-db")
        if let url = settings.databaseURL {
            cluster = nil
            databaseURL = url
        } else {
            let binaries = try PostgresBinaries.find(path: settings.environment["PATH"] ?? "")
            let cluster = try PrivateCluster(
                loop: home,
                directory: Self.clusterDirectory(in: settings.directory),
                binaries: binaries,
                diesWithUs: settings.isTemporary,
                note: note
            )
            self.cluster = cluster
            try await cluster.start()
            databaseURL = await cluster.url
        }
        var configuration = try PostgresConfiguration(url: databaseURL)
        configuration.schema = settings.schema
        configuration.applicationName = "usher up"
        let pooler = settings.databaseURL == nil ? .none : settings.pooler
        try pooler.apply(to: &configuration)
        postgres = PostgresClient(configuration, loops: loops, pool: PoolLimits(maximum: 3))

        var environment = settings.environment
        environment[Option.databaseURL.environment ?? ""] = databaseURL
        pooler.export(to: &environment)
        environment[Option.schema.environment ?? ""] = settings.schema
        environment[Option.paymentsURL.environment ?? ""] = paymentsURL
        for secret in [Option.paymentsKey, .paymentsSecret] where environment[secret.environment ?? ""] == nil
        {
            environment[secret.environment ?? ""] = Self.randomSecret()
        }
        environment[Option.logLevel.environment ?? ""] = settings.logLevel
        environment[Option.logFormat.environment ?? ""] = settings.logFormat
        supervisor = Supervisor(loop: home, environment: environment, line: line, event: note)
        do {
            try await Migrator(postgres, schema: settings.schema).migrate()
            try await PoolRow.install(in: postgres)
        } catch {
            await postgres.shutdown()
            try await cluster?.stop()
            throw Failure("cannot use the database \(configuration): \(OneLine.describing(error))")
        }
    }

    /// Starts every process, and returns when the gateway answers.
    func open(stop: StopRequest) async throws {
        if settings.paymentsURL == nil {
            let standIn = HTTPEndpoint(url: paymentsURL)?.port ?? 0
            let callback = "http://\(endpoint)/v1/payments/callback"
            let words = ["psp", "--port", "\(standIn)", "--callback-url", callback] + settings.standInWords
            await supervisor.want(1, of: .init(name: GroupName.payments, words: words, stopStage: 3))
        }
        await supervisor.want(1, of: .init(name: GroupName.scheduler, words: ["scheduler"], stopStage: 2))
        await supervisor.want(
            1,
            of: .init(name: GroupName.consumers, words: ["events", "run"], stopStage: 2)
        )
        try await obeyPools()
        let gateway = [
            "gateway", "--host", settings.host, "--port", "\(port)", "--admin-port", "\(adminPort)",
        ]
        await supervisor.want(1, of: .init(name: GroupName.gateway, words: gateway, stopStage: 0))
        let client = HTTPClient(loops: loops)
        for _ in 0..<300 where !stop.isMade {
            let answer = try? await client.send(
                HTTPRequest(.get, "/readyz"),
                to: adminEndpoint,
                timeout: .seconds(2)
            )
            if answer?.status == 200 {
                await client.shutdown()
                return
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        await client.shutdown()
        guard stop.isMade else { throw Failure("the gateway does not get ready within half a minute") }
    }

    /// Keeps the database up and the pools at their wanted sizes until the end is asked for.
    func keep(until stop: StopRequest) async {
        while !stop.isMade, !Task.isCancelled {
            do {
                try await cluster?.keepRunning()
                try await obeyPools()
            } catch {
                note("will look again: \(OneLine.describing(error))")
            }
            for _ in 0..<10 where !stop.isMade && !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Ends gateway, workers, scheduler, consumers and the database, in this order.
    func close() async throws {
        await supervisor.stop()
        await postgres.shutdown()
        try await cluster?.stop()
    }

    /// Where the private server of a house is.
    static func clusterDirectory(in directory: String) -> String { "\(directory)/postgres" }

    private func obeyPools() async throws {
        let rows = try await PoolRow.read(from: postgres)
        for row in rows {
            let words = ["worker", "--pool", row.name, "--queues", row.queues.joined(separator: ",")]
            await supervisor.want(
                row.wanted,
                of: .init(name: GroupName.worker(row.name), words: words, stopStage: 1)
            )
        }
        let names = Set(rows.map(\.name))
        for gone in pools.subtracting(names) { await supervisor.forget(GroupName.worker(gone)) }
        pools = names
    }

    private static func randomSecret() -> String {
        (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    }
}
