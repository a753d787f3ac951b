internal import Jobs
internal import Postgres
internal import Reactor

/// `usher bench latency`: how soon a job begins when nothing else is going on.
enum LatencyBench {
    static let samples = Option(
        "samples",
        .number(10...100_000),
        initial: "300",
        help: "Jobs per run, one after the other"
    )

    static let command = Command(
        "latency",
        "Enqueue single jobs to idle workers",
        options: [samples, BenchOptions.workers] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        try await BenchPlace.with(invocation) { try await measure($0) }
    }

    private static func measure(_ place: BenchPlace) async throws {
        let arguments = place.invocation.arguments
        let samples = arguments.number(samples) ?? 300
        let workers = arguments.number(BenchOptions.workers) ?? 1
        var figure = BenchFigure(
            "latency",
            unit: "ms",
            config: """
                \(samples) jobs, each 20 to 40 ms after the last; p50 of the call of enqueue to the start of the job, \
                in \(workers) idle worker processes; the floor is NOTIFY to wake-up, from one connection to another
                """
        )
        for run in 1...(arguments.number(BenchOptions.runs) ?? 5) {
            try await place.quiet()
            let floor = try await notify(place, samples)
            figure.floor.add(floor.percentile(0.5))
            figure.add("floor_p99_ms", floor.percentile(0.99))
            let ours = try await place.withSchema { try await once($0, samples, workers) }
            figure.runs.add(ours.percentile(0.5))
            figure.add(ours)
            figure.add("max_ms", ours.percentile(1))
            place.note(
                "run \(run): p50 \(ours.percentile(0.5) ?? 0) ms, p99 \(ours.percentile(0.99) ?? 0) ms"
            )
        }
        place.print(figure)
    }

    private static func once(
        _ schema: BenchSchema,
        _ samples: Int,
        _ workers: Int
    ) async throws -> LatencyHistogram {
        try await schema.preload(OpenLoop.warmUp)
        return try await schema.withWorkers(workers) { started in
            _ = try await started.workers.settled(OpenLoop.warmUp)
            for sample in 0..<samples {
                try await pause(sample)
                _ = try await schema.store.enqueue([BenchJob.new(sample, due: .now)])
            }
            _ = try await started.workers.settled(OpenLoop.warmUp + samples)
            let all = await started.workers.stop().reduce(into: LatencyHistogram()) { $0.add($1.histogram) }
            guard all.count == samples else {
                throw Failure("\(samples) jobs were enqueued and \(all.count) starts reported")
            }
            return all
        }
    }

    /// Lengths of no common measure, so that samples don't fall into step with anybody's polling.
    private static func pause(_ sample: Int) async throws {
        try await Task.sleep(for: .microseconds(20_000 + sample * 7919 % 20_000))
    }

    /// How soon a listener hears what another connection says.
    private static func notify(_ place: BenchPlace, _ samples: Int) async throws -> LatencyHistogram {
        let channel = "usher_bench_floor"
        return try await withThrowingTaskGroup(of: LatencyHistogram?.self) { group in
            let (listening, isListening) = AsyncStream<Void>.makeStream()
            group.addTask {
                var heard = LatencyHistogram()
                for await event in place.admin.listen([channel]) {
                    guard case .notification(_, let payload) = event, let sent = UInt64(payload) else {
                        isListening.finish()
                        continue
                    }
                    heard.add(
                        microseconds: (MonotonicTime.now - MonotonicTime(nanoseconds: sent)).microseconds
                    )
                    if heard.count == samples { break }
                }
                return heard
            }
            group.addTask {
                for await _ in listening {}
                for sample in 0..<samples {
                    try await pause(sample)
                    try await place.admin.execute(
                        Query(
                            "bench_floor_notify",
                            "SELECT pg_notify(\(channel), \(String(MonotonicTime.now.nanoseconds)))"
                        )
                    )
                }
                return nil
            }
            var result = LatencyHistogram()
            for try await heard in group { if let heard { result = heard } }
            return result
        }
    }
}
