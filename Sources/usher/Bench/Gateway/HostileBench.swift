internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Reactor
internal import Workflows

/// Honest buyers who join while others misbehave: what they notice of it.
struct HostileBench: Sendable {
    let place: BenchPlace
    let directory: String
    /// How many of each kind; nothing misbehaves in the first measurement of each run.
    let crowds: [(kind: HostileKind, count: Int)]
    let seconds: Int
    let joinRate: Int
    let runs: Int

    /// What a gateway takes beside the hostile connections: the honest ones among them.
    private static let reserve = 2_048

    func run() async throws {
        let honest = "while \(joinRate) honest buyers join a second for \(seconds) s"
        var figures = [figure("none", 0, honest)] + crowds.map { figure($0.kind.rawValue, $0.count, honest) }
        for run in 1...runs {
            for index in figures.indices {
                let crowd = index == 0 ? nil : crowds[index - 1]
                let result = try await measure(crowd)
                place.note(
                    "run \(run): \(crowd?.kind.rawValue ?? "none"): p99 \(result.honest.latencies.percentile(0.99) ?? .infinity) ms"
                )
                figures[index].add(result)
            }
        }
        for figure in figures { place.print(figure) }
    }

    private func figure(_ kind: String, _ count: Int, _ honest: String) -> BenchFigure {
        BenchFigure(
            "gateway.hostile",
            unit: "ms",
            config: "p99 of the joins \(honest), beside \(count) hostile connections (\(kind))",
            labels: [.init("kind", .string(kind)), .init("connections", .int(Int64(count)))]
        )
    }

    fileprivate struct Run: Sendable {
        let honest: LoadReport
        let hostile: HostileReport?
        let gatewaySeconds: Double
        let foreignShare: Double?
    }

    private func measure(_ crowd: (kind: HostileKind, count: Int)?) async throws -> Run {
        try await place.withSchema { schema in
            try await schema.store.ensureQueue(OnSaleLifecycle.queue)
            let room = try await BenchRoom.open(in: schema.postgres)
            return try await RoomServer.with(
                place,
                room: room.onSale.publicID,
                words: ["gateway", "--admin-port", "0", "--connections", "8", "--log-level", "warning"],
                environment: schema.environment.merging(
                    OneAddress.environment(connections: (crowd?.count ?? 0) + Self.reserve)
                ) { $1 },
                in: directory,
                connections: 200
            ) { server in
                try await place.settle(schema.name)
                guard let crowd else { return try await honest(server, nil) }
                let process = try await BenchProcess.start(
                    "hostile",
                    [
                        "bench", "hostile", "--misdeed", crowd.kind.rawValue, "--count", "\(crowd.count)",
                        "--port",
                        "\(server.port)", "--room", room.onSale.publicID,
                    ],
                    environment: ["PATH": "/usr/bin:/bin"],
                    log: "\(directory)/hostile.log"
                )
                return try await process.during {
                    try await untilMost(of: crowd.count, process)
                    return try await honest(server, process)
                }
            }
        }
    }

    /// Waits until nearly all stand at once, or have stood: the server closes some while others are opened.
    private func untilMost(of count: Int, _ process: BenchProcess) async throws {
        let start = MonotonicTime.now
        while true {
            if let report = last(process), report.open + report.closed >= count * 9 / 10 { return }
            guard process.isRunning else { throw process.failure }
            guard MonotonicTime.now - start < .seconds(120) else {
                throw Failure("\(count) hostile connections were not there in two minutes")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func honest(_ server: RoomServer, _ hostile: BenchProcess?) async throws -> Run {
        let run = try await server.join(joinRate * seconds, over: .seconds(seconds))
        return Run(
            honest: run.report,
            hostile: hostile.flatMap(last),
            gatewaySeconds: run.gatewaySeconds,
            foreignShare: run.usage.load.foreignShare
        )
    }

    private func last(_ process: BenchProcess) -> HostileReport? {
        process.output.split(separator: "\n").last { $0.hasPrefix("hostile ") }.flatMap {
            HostileReport(line: $0)
        }
    }
}

extension BenchFigure {
    /// Adds what the honest noticed beside one crowd.
    fileprivate mutating func add(_ run: HostileBench.Run) {
        runs.add(run.honest.latencies.percentile(0.99) ?? .infinity)
        add("p50_ms", run.honest.latencies.percentile(0.5))
        add("joins_per_s", run.honest.rate)
        add("refused", Double(run.honest.refusals))
        add("lost", Double(run.honest.lost))
        add("hostile_open", Double(run.hostile?.open ?? 0))
        add("hostile_closed", Double(run.hostile?.closed ?? 0))
        for (status, count) in (run.hostile?.answers ?? [:]).sorted(by: { $0.key < $1.key }) {
            add("answered_\(status)", Double(count))
        }
        add("gateway_cpu_s", run.gatewaySeconds)
        add("foreign_cpu_share", run.foreignShare)
    }
}
