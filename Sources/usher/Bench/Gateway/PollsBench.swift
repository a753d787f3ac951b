internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Reactor

/// Buyers who wait and poll while others join and hold: what reaches Postgres, by how many wait.
struct PollsBench: Sendable {
    let place: BenchPlace
    let directory: String
    let waiting: [Int]
    let seconds: Int
    let joinRate: Int
    let holdRate: Int
    let runs: Int

    /// Connections over which all of the buyers poll, and others that join and hold.
    private static let connections = 1000

    func run() async throws {
        var figures = waiting.map { count in
            BenchFigure(
                "gateway.polls",
                unit: "transactions/s",
                config: """
                    what Postgres commits or rolls back while \(count) buyers poll as they are told to over \
                    \(min(count, Self.connections)) connections, \(joinRate) join and \(holdRate) hold a second, for \
                    \(seconds) s
                    """,
                labels: [.init("waiting", .int(Int64(count)))]
            )
        }
        for run in 1...runs {
            for (index, count) in waiting.enumerated() {
                let result = try await measure(count)
                place.note(
                    "run \(run): \(count) waiting: \(Int(result.transactions)) transactions/s, \(Int(result.polls.rate)) polls/s"
                )
                figures[index].add(result)
            }
        }
        for figure in figures { place.print(figure) }
    }

    fileprivate struct Run: Sendable {
        /// Per second.
        let transactions: Double
        let polls: LoadReport
        let joins: RoomServer.Run
        let holds: RoomServer.Run
        let gatewaySeconds: Double
        let usage: ServerUsage
    }

    private func measure(_ count: Int) async throws -> Run {
        let holds = max(1, holdRate * seconds)
        return try await place.withSchema { schema in
            let sale = try await BenchSale.standing(2 * holds, in: schema)
            try await sale.fill(count)
            try await sale.admit(holds)
            try FileSystem.write(try await sale.placeLines(count), to: "\(directory)/waiting")
            let connections = place.invocation.arguments.text(BenchOptions.connections) ?? "8"
            let words = [
                "gateway", "--admin-port", "0", "--connections", connections, "--log-level", "warning",
            ]
            let run = try await RoomServer.with(
                place,
                room: sale.onSale.publicID,
                words: words,
                environment: schema.environment,
                in: directory,
                connections: Self.connections
            ) { server in
                try await place.settle(schema.name)
                return try await measure(server, sale, count, holds)
            }
            let held = try await sale.held()
            guard held >= run.holds.report.successes else {
                throw Failure(
                    "\(run.holds.report.successes) holds were granted, and \(held) tickets are held"
                )
            }
            return run
        }
    }

    private func measure(
        _ server: RoomServer,
        _ sale: BenchSale,
        _ count: Int,
        _ holds: Int
    ) async throws -> Run {
        let lines = try await sale.lines(1..<holds + 1)
        let length = Duration.seconds(seconds)
        // What goes on without any of them, and is taken off for the time in which sessions report.
        let idle = try await transactions()
        let quiet = MonotonicTime.now
        let counted = try await transactions()
        let restful = Double(counted - idle) / (MonotonicTime.now - quiet).seconds
        let before = (server.gateway.cpuSeconds, try await place.meter.read(), MonotonicTime.now)
        async let joining = server.join(max(1, joinRate * seconds), over: length)
        async let holding = server.hold(lines, count: holds, over: length)
        let polls = try await poll(server, count)
        let (joins, held) = (try await joining, try await holding)
        let usage = try await place.meter.read() - before.1
        let seconds = (MonotonicTime.now - before.2).seconds
        let all = try await transactions() - counted
        let tail = (MonotonicTime.now - before.2).seconds - seconds
        return Run(
            transactions: (Double(all) - restful * tail) / seconds,
            polls: polls,
            joins: joins,
            holds: held,
            gatewaySeconds: server.gateway.cpuSeconds - before.0,
            usage: usage
        )
    }

    private func poll(_ server: RoomServer, _ count: Int) async throws -> LoadReport {
        let process = try await BenchProcess.start(
            "poll",
            [
                "bench", "poll", "--port", "\(server.port)", "--places", "\(directory)/waiting", "--sockets",
                "\(min(count, Self.connections))", "--over", "\(seconds)s", "--spread", "\(seconds)s",
            ],
            environment: ["PATH": "/usr/bin:/bin"],
            log: "\(directory)/poll.log"
        )
        try await process.finish()
        guard server.gateway.isRunning else { throw server.gateway.failure }
        guard let report = LoadReport(output: process.output) else { throw process.failure }
        return report
    }

    private func transactions() async throws -> Int64 {
        // A busy session reports what it did once a second, one that falls idle within ten; whoever doesn't care about
        // the machine doesn't care about those either.
        let isPatient = place.invocation.arguments.duration(BenchOptions.waitIdle) ?? .zero > .zero
        try await Task.sleep(for: isPatient ? .milliseconds(11_000) : .milliseconds(1200))
        return try await place.admin.query(
            Query(
                "bench_transactions",
                """
                SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()
                """
            )
        )[0][0]
    }
}

extension BenchFigure {
    /// Adds one run of polls.
    fileprivate mutating func add(_ run: PollsBench.Run) {
        runs.add(run.transactions)
        add("polls_per_s", run.polls.rate)
        add(run.polls.latencies)
        add("polls_refused", Double(run.polls.refusals + run.polls.lost))
        add("joins_per_s", run.joins.report.rate)
        add("joins_p99_ms", run.joins.report.latencies.percentile(0.99))
        add("holds_per_s", run.holds.report.rate)
        add("holds_p99_ms", run.holds.report.latencies.percentile(0.99))
        add("refused", Double(run.joins.report.refusals + run.holds.report.refusals))
        add("lost", Double(run.joins.report.lost + run.holds.report.lost))
        add("gateway_cpu_s", run.gatewaySeconds)
        add("server_cpu_s", run.usage.cpuSeconds)
        add("foreign_cpu_share", run.usage.load.foreignShare)
    }
}
