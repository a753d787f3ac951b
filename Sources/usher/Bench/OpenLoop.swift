internal import Jobs
internal import Postgres
internal import Reactor

/// Jobs that come at a fixed rate whatever becomes of them, and how late each begins.
///
/// A job's lateness counts from the instant at which it was due, not from its enqueueing: when the enqueuer falls
/// behind, that is not left out.
struct OpenLoop: Sendable {
    /// Jobs worked off before a measurement begins.
    static let warmUp = 1000

    let place: BenchPlace
    /// Jobs per second.
    let rate: Int

    /// Enqueues what is due once a millisecond, as one call, without waiting for the last call to return.
    ///
    /// - Returns: how many jobs.
    static func enqueue(
        _ rate: Int,
        from start: MonotonicTime,
        for duration: Duration,
        into store: JobStore
    ) async throws -> Int {
        let total = Int(Double(rate) * duration.seconds)
        try await withThrowingDiscardingTaskGroup { group in
            var next = 0
            while next < total {
                let due = min(total, Int((MonotonicTime.now - start).seconds * Double(rate)) + 1)
                if due > next {
                    let batch = (next..<due).map { number in
                        BenchJob.new(number, due: start + .seconds(Double(number) / Double(rate)))
                    }
                    group.addTask { _ = try await store.enqueue(batch) }
                    next = due
                }
                try await Task.sleep(for: .milliseconds(1))
            }
        }
        return total
    }

    /// Measures, and prints the figure.
    func measure() async throws {
        let arguments = place.invocation.arguments
        let seconds = arguments.number(BenchOptions.seconds) ?? 10
        let workers = arguments.number(BenchOptions.workers) ?? 1
        var figure = BenchFigure(
            "queue.open_loop",
            unit: "ms",
            config: """
                \(rate) jobs/s for \(seconds) s, what is due enqueued once a millisecond in one call; \(workers) worker \
                processes; p50 of due to start
                """
        )
        for run in 1...(arguments.number(BenchOptions.runs) ?? 5) {
            let (latencies, usage, jobs, achieved) = try await once(seconds, workers)
            figure.runs.add(latencies.percentile(0.5) ?? 0)
            figure.add(usage, per: jobs)
            figure.add(latencies)
            figure.add("settled_per_second", achieved)
            place.note(
                "run \(run) at \(rate)/s: p50 \(latencies.percentile(0.5) ?? 0) ms, p99 \(latencies.percentile(0.99) ?? 0) ms"
            )
        }
        place.print(figure)
    }

    private func once(
        _ seconds: Int,
        _ workers: Int
    ) async throws -> (LatencyHistogram, ServerUsage, jobs: Int, achieved: Double) {
        try await place.withSchema { schema in
            try await place.quiet()
            try await schema.preload(Self.warmUp)
            return try await schema.withWorkers(workers) { started in
                // The first jobs warm up caches and prepared statements.
                _ = try await started.workers.settled(Self.warmUp)
                let before = try await place.meter.read()
                let start = MonotonicTime.now
                let jobs = try await Self.enqueue(
                    rate,
                    from: start,
                    for: .seconds(seconds),
                    into: schema.store
                )
                let end = try await started.workers.settled(Self.warmUp + jobs)
                let usage = try await place.meter.read() - before
                let all = await started.workers.stop().reduce(into: LatencyHistogram()) {
                    $0.add($1.histogram)
                }
                guard all.count == jobs else {
                    throw Failure("\(jobs) jobs were enqueued and \(all.count) starts reported")
                }
                return (all, usage, jobs, Double(jobs) / (end - start).seconds)
            }
        }
    }
}
