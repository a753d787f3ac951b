internal import BoxOffice
internal import Glibc
internal import HTTP
internal import Jobs
internal import Reactor
internal import Workflows

/// `/status` of a gateway beside other servers that have nothing to do but send the same bytes.
struct StatusBench: Sendable {
    let place: BenchPlace
    let rivals: [StatusServer]
    let wrk: Wrk
    let directory: String
    let connections: Int
    let seconds: Int
    let runs: Int

    private static let ours = "usher"

    /// The servers' processor and the load's; nil where there is but one for both.
    private var cores: (server: Int, load: Int)? {
        let isBound =
            sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 && PostgresBinaries.isExecutable(BenchProcess.taskset)
        return isBound ? (0, 1) : nil
    }

    func run() async throws {
        let names = [Self.ours] + rivals.map(\.kind.rawValue)
        let what = ["/v1/on-sales/{id}/status of one gateway with one loop"] + rivals.map(\.kind.words)
        let bound = cores == nil ? "on the same processor as wrk" : "bound to one processor, wrk to another"
        var figures = zip(names, what).map { name, what in
            BenchFigure(
                "gateway.status",
                unit: "requests/s",
                config: "\(what), \(bound), over \(connections) connections for \(seconds) s",
                labels: [.init("server", .string(name))]
            )
        }
        for run in 1...runs {
            try await place.withSchema { schema in
                // The lifecycle waits there for a worker that never comes.
                try await schema.store.ensureQueue(OnSaleLifecycle.queue)
                let room = try await BenchRoom.open(in: schema.postgres)
                return try await RoomServer.with(
                    place,
                    room: room.onSale.publicID,
                    words: ["gateway", "--admin-port", "0", "--loops", "1", "--log-level", "warning"],
                    environment: schema.environment,
                    in: directory,
                    core: cores?.server
                ) { server in
                    let path = "/v1/on-sales/\(room.onSale.publicID)/status"
                    let answer = try await Self.fetch(path, server.port)
                    try await place.settle(schema.name)
                    var results = [try await measure(path, server.port, server.gateway)]
                    for rival in rivals {
                        let result = try await rival.with(
                            answer,
                            at: path,
                            in: directory,
                            core: cores?.server
                        ) { port, process in
                            let theirs = try await Self.fetch(path, port)
                            guard theirs.body == answer.body, theirs.status == answer.status else {
                                throw Failure(
                                    "\(rival.kind.rawValue) answers with other bytes than the gateway"
                                )
                            }
                            return try await measure(path, port, process)
                        }
                        results.append(result)
                    }
                    return results
                }
            }.enumerated().forEach { index, result in
                place.note("run \(run): \(names[index]): \(Int(result.wrk.rate)) requests/s")
                figures[index].add(result)
            }
        }
        let nginx = rivals.firstIndex { $0.kind == .nginx }.map { figures[$0 + 1].runs }
        if let nginx { figures[0].floor = nginx }
        for figure in figures { place.print(figure) }
    }

    fileprivate struct Run: Sendable {
        let wrk: Wrk.Result
        /// Parts of one processor.
        let serverShare: Double
        let loadShare: Double
        let foreignShare: Double?
    }

    private func measure(_ path: String, _ port: Int, _ server: BenchProcess) async throws -> Run {
        // What is opened once is open, and the first answers are not counted.
        _ = try await load(path, port, 1)
        try await place.quiet()
        let before = (server.familySeconds, MonotonicTime.now, try await place.meter.read())
        let (result, share) = try await load(path, port, seconds)
        let took = (MonotonicTime.now - before.1).seconds
        let usage = try await place.meter.read() - before.2
        guard server.isRunning else { throw server.failure }
        return Run(
            wrk: result,
            serverShare: (server.familySeconds - before.0) / took,
            loadShare: share,
            foreignShare: usage.load.foreignShare
        )
    }

    private func load(_ path: String, _ port: Int, _ seconds: Int) async throws -> (Wrk.Result, Double) {
        try await wrk.run(path, port: port, connections: connections, seconds: seconds, core: cores?.load)
    }

    private static func fetch(_ path: String, _ port: Int) async throws -> HTTPResponse {
        let loops = try EventLoopGroup(count: 1, name: "bench-fetch")
        defer { loops.stop() }
        let client = HTTPClient(loops: loops)
        let answer = try await client.send(
            HTTPRequest(.get, path),
            to: HTTPEndpoint(host: "127.0.0.1", port: port)
        )
        await client.shutdown()
        return answer
    }
}

extension BenchFigure {
    /// Adds one server's run.
    fileprivate mutating func add(_ run: StatusBench.Run) {
        runs.add(run.wrk.rate)
        add("p50_ms", run.wrk.p50Milliseconds)
        add("p99_ms", run.wrk.p99Milliseconds)
        add("failures", Double(run.wrk.failures))
        add("server_cpu_us_per_unit", run.serverShare * 1_000_000 / max(1, run.wrk.rate))
        add("server_cpu_share", run.serverShare)
        add("load_cpu_share", run.loadShare)
        add("foreign_cpu_share", run.foreignShare)
    }
}
