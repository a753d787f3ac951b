internal import HTTP
internal import Reactor

/// A room that a bench has set up: where it listens, and how to look at what it costs.
struct RoomServer: Sendable {
    let place: BenchPlace
    let directory: String
    /// What joins name it by.
    let room: String
    let port: Int
    /// The process that speaks HTTP.
    let gateway: BenchProcess
    /// The server that keeps the places, where that isn't Postgres.
    let store: BenchProcess?
    /// The connections of a load; nil for what the command line says.
    let connections: Int?

    /// What a load found.
    struct Run: Sendable {
        let report: LoadReport
        let usage: ServerUsage
        let gatewaySeconds: Double
        /// Of the store, where that isn't Postgres.
        let storeSeconds: Double?
    }

    /// Starts the process that speaks HTTP, runs `body` when it answers, and ends it.
    static func with<Value>(
        _ place: BenchPlace,
        room: String,
        words: [String],
        environment: [String: String],
        in directory: String,
        store: BenchProcess? = nil,
        core: Int? = nil,
        name: String = "gateway",
        connections: Int? = nil,
        _ body: (Self) async throws -> Value
    ) async throws -> Value {
        let port = try PortCheck.available(0, on: "127.0.0.1")
        let gateway = try await BenchProcess.start(
            name,
            words + ["--port", "\(port)"],
            environment: OneAddress.environment().merging(environment) { $1 },
            log: "\(directory)/\(name).log",
            core: core
        )
        return try await gateway.during {
            try await awaitAnswer(of: gateway, port)
            return try await body(
                Self(
                    place: place,
                    directory: directory,
                    room: room,
                    port: port,
                    gateway: gateway,
                    store: store,
                    connections: connections
                )
            )
        }
    }

    /// Returns when the process answers on its port.
    static func awaitAnswer(of gateway: BenchProcess, _ port: Int) async throws {
        let loops = try EventLoopGroup(count: 1, name: "bench-knock")
        defer { loops.stop() }
        let client = HTTPClient(loops: loops)
        let endpoint = HTTPEndpoint(host: "127.0.0.1", port: port)
        // Until it listens, nobody answers, and that is no failure.
        while (try? await client.send(HTTPRequest(.get, "/v1/on-sales"), to: endpoint)) == nil {
            guard gateway.isRunning else { throw gateway.failure }
            try await Task.sleep(for: .milliseconds(20))
        }
        await client.shutdown()
    }

    /// Has so many buyers join; those who got a place are in a file for ``look(_:)``.
    func join(_ count: Int, over: Duration) async throws -> Run {
        try await load([
            "--places", places, "--room", room, "--count", "\(count)", "--over", Self.words(over),
        ])
    }

    /// Has the buyers look where they stand, so many times in all, as fast as they are answered.
    func look(_ count: Int) async throws -> Run {
        try await load(["--places", places, "--count", "\(count)", "--over", "0s"])
    }

    /// Has buyers hold tickets, as fast as they are answered or at a pace; a line with admission token and body for each.
    func hold(_ lines: String, count: Int, over: Duration = .zero) async throws -> Run {
        let file = "\(directory)/holds"
        try FileSystem.write(lines, to: file)
        return try await load(
            ["--sessions", file, "--count", "\(count)", "--over", Self.words(over)],
            name: "holds"
        )
    }

    private static func words(_ duration: Duration) -> String { "\(duration.nanoseconds / 1_000_000)ms" }

    private var places: String { "\(directory)/places" }

    /// Runs a load of its own process; two at a time need two names.
    private func load(_ words: [String], name: String = "load") async throws -> Run {
        let asked = place.invocation.arguments.text(LoadCommand.sockets) ?? "2000"
        let sockets = connections.map(String.init) ?? asked
        let before = try await place.meter.read()
        let (seconds, storeSeconds) = (gateway.cpuSeconds, store?.cpuSeconds)
        let load = try await BenchProcess.start(
            "load",
            ["bench", "load", "--port", "\(port)", "--sockets", sockets] + words,
            environment: ["PATH": "/usr/bin:/bin"],
            log: "\(directory)/\(name).log"
        )
        try await load.finish()
        guard gateway.isRunning else { throw gateway.failure }
        guard let report = LoadReport(output: load.output) else { throw load.failure }
        let usage = try await place.meter.read() - before
        return Run(
            report: report,
            usage: usage,
            gatewaySeconds: gateway.cpuSeconds - seconds,
            storeSeconds: store.map { $0.cpuSeconds - (storeSeconds ?? 0) }
        )
    }
}
