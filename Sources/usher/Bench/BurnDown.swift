internal import Postgres
internal import Reactor

/// A backlog worked off from start to last end.
struct BurnDown: Sendable {
    /// What one run found.
    struct Run: Sendable {
        /// Jobs per second.
        let rate: Double
        let enqueueRate: Double
        let enqueuing: ServerUsage
        let working: ServerUsage
        /// Processor time of the worker processes.
        let clientSeconds: Double
    }

    let jobs: Int
    let workers: Int

    /// Preloads, starts, and waits for the last end to be durable.
    func run(in place: BenchPlace) async throws -> Run {
        try await place.leastDisturbed(by: { $0.working }) { try await once(in: place) }
    }

    private func once(in place: BenchPlace) async throws -> Run {
        try await place.withSchema { schema in
            let empty = try await place.meter.read()
            let begun = MonotonicTime.now
            try await schema.preload(jobs)
            let enqueued = MonotonicTime.now - begun
            let enqueuing = try await place.meter.read() - empty
            try await place.settle(schema.name)
            let (rate, usage, clientSeconds, _) = try await Self.work(jobs, workers, schema)
            return Run(
                rate: rate,
                enqueueRate: Double(jobs) / enqueued.seconds,
                enqueuing: enqueuing,
                working: usage,
                clientSeconds: clientSeconds
            )
        }
    }

    /// Starts workers and waits for the ends of so many jobs to be durable; there may be more of them.
    ///
    /// - Returns: among others, how many the workers had settled when they ended.
    static func work(
        _ jobs: Int,
        _ workers: Int,
        _ schema: BenchSchema
    ) async throws -> (rate: Double, usage: ServerUsage, clientSeconds: Double, settled: Int) {
        try await schema.withWorkers(workers) { started in
            let end = try await started.workers.settled(jobs)
            let clientSeconds = await started.workers.cpuSeconds() - started.cpuSeconds
            let usage = try await schema.place.meter.read() - started.usage
            await started.workers.stop()
            return (Double(jobs) / (end - started.at).seconds, usage, clientSeconds, started.workers.settled)
        }
    }
}

extension BenchFigure {
    /// Adds a run of a backlog.
    mutating func add(_ run: BurnDown.Run, of jobs: Int) {
        runs.add(run.rate)
        var life = run.working
        life.walBytes += run.enqueuing.walBytes
        add(life, per: jobs)
        add("client_cpu_us_per_unit", run.clientSeconds * 1_000_000 / Double(jobs))
        add(run.enqueuing, per: jobs, prefix: "enqueue_")
        add("enqueue_rate", run.enqueueRate)
    }
}
