internal import Postgres
internal import Reactor

/// `usher bench horizon`: what becomes of a steady load while somebody holds an old snapshot, so that nothing dead can
/// be cleaned away.
struct HorizonBench: Sendable {
    static let hold = Option("hold", .duration, initial: "120s", help: "How long the snapshot is held")
    static let apart = Option(
        "apart",
        .duration,
        initial: "30s",
        help: "How long the load is measured before the snapshot is taken, and after it is given up"
    )
    static let load = Option(
        "load",
        .number(1...100),
        initial: "40",
        help: "The steady load, in percent of the rate at which a burst is worked off before"
    )
    static let jobs = Option(
        BenchOptions.jobs.name,
        .number(100...50_000_000),
        initial: "100000",
        help: "Jobs of each burst"
    )

    static let command = Command(
        "horizon",
        "Keep up a load while another session holds an old snapshot",
        options: [hold, apart, load, jobs, BenchOptions.workers] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        try await BenchPlace.with(invocation) { try await Self(place: $0).measure() }
    }

    let place: BenchPlace

    private var arguments: Arguments { place.invocation.arguments }

    /// What a part of the time looked like.
    private struct Phase: Sendable {
        let latencies: LatencyHistogram
        /// Of its last quarter.
        let lastLatencies: LatencyHistogram
        /// Jobs per second while a burst was worked off at its end.
        let burst: Double
        /// Jobs per second that were settled at the steady load.
        let rate: Double
        let dead: DeadRows
    }

    private func measure() async throws {
        let hold = arguments.duration(Self.hold) ?? .seconds(120)
        let apart = arguments.duration(Self.apart) ?? .seconds(30)
        let load = arguments.number(Self.load) ?? 40
        let burst = arguments.number(Self.jobs) ?? 100_000
        let workers = arguments.number(BenchOptions.workers) ?? 1
        var figure = BenchFigure(
            "horizon",
            unit: "jobs/s",
            config: """
                bursts of \(burst) jobs, enqueued and worked off at once by \(workers) worker processes, at the end of \
                each of three parts: \(apart) before, \(hold) while a REPEATABLE READ snapshot is held, \(apart) after; \
                in each an open loop of \(load)% of the first burst's rate; median is the burst's rate while held, the \
                floor that before
                """
        )
        for run in 1...(arguments.number(BenchOptions.runs) ?? 5) {
            let (rate, before, during, after) = try await place.withSchema { schema in
                try await place.quiet()
                return try await schema.withWorkers(workers) { started in
                    var done = 0
                    let first = try await self.burst(burst, in: schema, started.workers, &done)
                    let rate = max(1, Int(first * Double(load) / 100))
                    place.note("run \(run): \(Int(first)) jobs/s in a burst; the load is \(rate) jobs/s")
                    let before = try await phase(rate, apart, burst, in: schema, started.workers, &done)
                    let during = try await holdingSnapshot(in: schema) {
                        try await phase(rate, hold, burst, in: schema, started.workers, &done)
                    }
                    let after = try await phase(rate, apart, burst, in: schema, started.workers, &done)
                    return (rate, before, during, after)
                }
            }
            figure.floor.add(before.burst)
            figure.runs.add(during.burst)
            figure.add("steady_rate", Double(rate))
            for (name, phase) in [("before", before), ("during", during), ("after", after)] {
                figure.add("\(name)_burst_rate", phase.burst)
                figure.add("\(name)_settled_rate", phase.rate)
                figure.add(phase.latencies, prefix: "\(name)_")
                figure.add("\(name)_last_quarter_p99_ms", phase.lastLatencies.percentile(0.99))
                figure.add("\(name)_dead_rows", phase.dead.rows)
                figure.add("\(name)_dead_rows_visited_per_claim", phase.dead.visitedPerScan)
                place.note(
                    "run \(run): \(name) \(Int(phase.burst)) jobs/s, p99 \(phase.latencies.percentile(0.99) ?? 0) ms"
                )
            }
        }
        place.print(figure)
    }

    /// A session that keeps the server from cleaning up, until `body` ends.
    private func holdingSnapshot<Value>(
        in schema: BenchSchema,
        _ body: () async throws -> Value
    ) async throws -> Value {
        try await place.admin.withTransaction(TransactionOptions(isolation: .repeatableRead)) { tx in
            try await tx.execute(
                Query("bench_horizon_stay", "SET LOCAL idle_in_transaction_session_timeout = 0")
            )
            _ = try await tx.query(Query("bench_horizon_pin", "SELECT count(*) FROM pg_class"))
            return try await body()
        }
    }

    private func phase(
        _ rate: Int,
        _ duration: Duration,
        _ jobs: Int,
        in schema: BenchSchema,
        _ workers: BenchWorkers,
        _ done: inout Int
    ) async throws -> Phase {
        let start = MonotonicTime.now
        let deadBefore = try await DeadRows.Reading(schema)
        done += try await OpenLoop.enqueue(rate, from: start, for: duration, into: schema.store)
        let end = try await workers.settled(done)
        // The server's statistics and the workers' last second come a moment later.
        try await Task.sleep(for: .milliseconds(1500))
        let dead = DeadRows(from: deadBefore, to: try await DeadRows.Reading(schema))
        let latencies = workers.latencies(from: start)
        let last = workers.latencies(from: start + duration * 0.75)
        return Phase(
            latencies: latencies,
            lastLatencies: last,
            burst: try await burst(jobs, in: schema, workers, &done),
            rate: Double(rate) * duration.seconds / (end - start).seconds,
            dead: dead
        )
    }

    private func burst(
        _ jobs: Int,
        in schema: BenchSchema,
        _ workers: BenchWorkers,
        _ done: inout Int
    ) async throws -> Double {
        let start = MonotonicTime.now
        try await schema.preload(jobs)
        done += jobs
        return Double(jobs) / (try await workers.settled(done) - start).seconds
    }
}
