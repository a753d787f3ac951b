internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Reactor
internal import Workflows

/// Very many sockets that listen to an on-sale: what they weigh, and how long it takes until all have heard a change.
struct SocketsBench: Sendable {
    let place: BenchPlace
    let directory: String
    let sockets: Int
    let gateways: Int
    let loops: Int
    let ticks: Int
    let runs: Int

    /// What a gateway takes beside the sockets, such as who knocks whether it answers.
    private static let reserve = 512
    /// How long all have to hear a change.
    private static let patience = Duration.seconds(60)

    func run() async throws {
        // The same number for each.
        let count = max(1, sockets / gateways) * gateways
        let config = """
            \(count) idle WebSockets on /live of \(gateways) gateway processes of \(loops) loops or as many as their descriptors take; \(ticks) changes \
            of the on-sale
            """
        var memory = BenchFigure("gateway.sockets", unit: "bytes/socket", config: config)
        var telling = BenchFigure("gateway.tick", unit: "s", config: config)
        for run in 1...runs {
            let result = try await measure(count)
            memory.runs.add(result.bytesPerSocket)
            memory.add("open_s", result.openSeconds)
            memory.add("foreign_cpu_share", result.load.foreignShare)
            for tick in result.ticks {
                telling.runs.add(tick.spread.seconds)
                telling.add("from_change_s", tick.fromChange.seconds)
                telling.add("gateway_cpu_s", tick.cpuSeconds)
            }
            telling.add("foreign_cpu_share", result.load.foreignShare)
            let slowest = result.ticks.map(\.spread.seconds).max() ?? 0
            place.note(
                "run \(run): \(Int(result.bytesPerSocket)) bytes a socket, a tick at most \(slowest) s"
            )
        }
        place.print(memory)
        place.print(telling)
    }

    private struct Tick: Sendable {
        /// From the first socket that heard it to the last, of the slowest gateway.
        var spread: Duration
        /// From the commit of the change to the last socket of all.
        var fromChange: Duration
        /// Of all gateways.
        var cpuSeconds: Double
    }

    private struct Run: Sendable {
        var bytesPerSocket: Double
        var openSeconds: Double
        var ticks: [Tick] = []
        var load = MachineLoad()
    }

    private func measure(_ count: Int) async throws -> Run {
        try await place.withSchema { schema in
            // The lifecycle waits there for a worker that never comes.
            try await schema.store.ensureQueue(OnSaleLifecycle.queue)
            let room = try await BenchRoom.open(in: schema.postgres)
            return try await withGateways(gateways, [], room, schema) { servers in
                try await place.settle(schema.name)
                return try await listen(count, to: servers, room)
            }
        }
    }

    private func withGateways(
        _ more: Int,
        _ servers: [RoomServer],
        _ room: BenchRoom,
        _ schema: BenchSchema,
        _ body: ([RoomServer]) async throws -> Run
    ) async throws -> Run {
        guard more > 0 else { return try await body(servers) }
        return try await RoomServer.with(
            place,
            room: room.onSale.publicID,
            words: ["gateway", "--admin-port", "0", "--loops", "\(loops)", "--log-level", "warning"],
            environment: schema.environment.merging(
                OneAddress.environment(connections: max(1, sockets / gateways) + Self.reserve)
            ) { $1 },
            in: directory,
            name: "gateway-\(more)"
        ) { server in
            try await withGateways(more - 1, servers + [server], room, schema, body)
        }
    }

    private func listen(_ count: Int, to servers: [RoomServer], _ room: BenchRoom) async throws -> Run {
        let before = try residentBytes(servers)
        let (start, load) = (MonotonicTime.now, try await place.meter.read())
        let process = try await BenchProcess.start(
            "listeners",
            [
                "bench", "listen", "--room", room.onSale.publicID, "--count", "\(count)", "--ports",
                servers.map { "\($0.port)" }.joined(separator: ","),
            ],
            environment: ["PATH": "/usr/bin:/bin"],
            log: "\(directory)/listeners.log"
        )
        return try await process.during {
            try await wait(for: process, .seconds(300), "the sockets were not open") { reports in
                reports.contains {
                    guard case .open(let open, let lost) = $0 else { return false }
                    return open >= count || lost > 0
                }
            }
            try check(process, servers)
            let opened = (MonotonicTime.now - start).seconds
            // What the handshakes needed for a moment is given back, as far as it is.
            try await Task.sleep(for: .seconds(2))
            let bytes = try residentBytes(servers) - before
            var run = Run(bytesPerSocket: Double(bytes) / Double(count), openSeconds: opened)
            for number in 1...ticks { run.ticks.append(try await tick(number, room, process, servers)) }
            run.load = (try await place.meter.read() - load).load
            return run
        }
    }

    /// Changes the on-sale, and waits until every socket has heard.
    private func tick(
        _ number: Int,
        _ room: BenchRoom,
        _ process: BenchProcess,
        _ servers: [RoomServer]
    ) async throws -> Tick {
        let cpu = servers.reduce(0) { $0 + $1.gateway.cpuSeconds }
        try await room.say("change \(number)")
        let changed = MonotonicTime.now
        var told: [Int: (first: MonotonicTime, last: MonotonicTime)] = [:]
        try await wait(for: process, Self.patience, "not every socket heard the change") { reports in
            for case .told(let gateway, _, let first, let last) in reports where first >= changed {
                told[gateway] = (first, last)
            }
            return told.count == servers.count
        }
        try check(process, servers)
        return Tick(
            spread: told.values.map { $0.last - $0.first }.max() ?? .zero,
            fromChange: told.values.map { $0.last - changed }.max() ?? .zero,
            cpuSeconds: servers.reduce(0) { $0 + $1.gateway.cpuSeconds } - cpu
        )
    }

    private func wait(
        for process: BenchProcess,
        _ patience: Duration,
        _ failure: String,
        _ isEnough: ([ListenReport]) -> Bool
    ) async throws {
        let start = MonotonicTime.now
        while true {
            let lines = process.output.split(separator: "\n", omittingEmptySubsequences: true)
            if isEnough(lines.compactMap { ListenReport(line: $0) }) { return }
            guard process.isRunning else { throw process.failure }
            guard MonotonicTime.now - start < patience else { throw Failure("\(failure) in \(patience)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func check(_ process: BenchProcess, _ servers: [RoomServer]) throws {
        let reports = process.output.split(separator: "\n").compactMap { ListenReport(line: $0) }
        for case .open(_, let lost) in reports where lost > 0 { throw Failure("\(lost) sockets were lost") }
        for server in servers where !server.gateway.isRunning { throw server.gateway.failure }
    }

    private func residentBytes(_ servers: [RoomServer]) throws -> Int {
        try servers.reduce(0) { sum, server in
            guard let bytes = ProcessTimes.residentBytes(of: server.gateway.pid) else {
                throw server.gateway.failure
            }
            return sum + bytes
        }
    }
}
