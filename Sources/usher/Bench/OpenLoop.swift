internal import Jobs
internal import Postgres
internal import Reactor

/// Jobs that come at a fixed rate whatever becomes of them, and how late each begins.
///
/// A job's lateness counts from the instant at which it was due, not from its enqueueing: when the enqueuer falls
/// behind, that is not left out.
struct OpenLoop: Sendable {
    let place: BenchPlace
    /// Jobs per second.
    let rate: Int

    /// The rates that were asked for.
    static func rates(_ invocation: Invocation) throws -> [Int] {
        try invocation.arguments.list(BenchOptions.openLoop).map { word in
            guard let rate = Int(word), (1...1_000_000).contains(rate) else {
                throw UsageError(
                    command: invocation.path,
                    message: "--open-loop takes rates from 1 to 1000000, not \"\(word)\""
                )
            }
            return rate
        }
    }

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
            try await schema.preload(1000)
            let (working, _) = try await schema.start(workers)
            do {
                // The first thousand warm up caches and prepared statements.
                _ = try await working.settled(1000)
                let before = try await place.meter.read()
                let start = MonotonicTime.now
                let jobs = try await Self.enqueue(
                    rate,
                    from: start,
                    for: .seconds(seconds),
                    into: schema.store
                )
                let end = try await working.settled(1000 + jobs)
                let usage = try await place.meter.read() - before
                var all = LatencyHistogram()
                for part in await working.stop() { all.add(part.histogram) }
                guard all.count == jobs else {
                    throw Failure("\(jobs) jobs were enqueued and \(all.count) starts reported")
                }
                return (all, usage, jobs, Double(jobs) / (end - start).seconds)
            } catch {
                await working.stop()
                throw error
            }
        }
    }
}
