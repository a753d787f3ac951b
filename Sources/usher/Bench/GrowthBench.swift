internal import HTTP

/// `usher bench growth`: whether a long line, or a long past, slows the head of the line.
struct GrowthBench: Sendable {
    static let waiting = Option(
        "waiting",
        .list("COUNTS"),
        initial: "10000,1000000,10000000",
        help: "How many jobs wait beside those that are worked off, one figure each"
    )
    static let history = Option(
        "history",
        .number(0...1_000_000_000),
        initial: "0",
        help: "How many jobs are worked off before, through the engine, so that it takes its time"
    )
    static let jobs = Option(
        BenchOptions.jobs.name,
        .number(100...50_000_000),
        initial: "100000",
        help: "Jobs of a run"
    )

    static let command = Command(
        "growth",
        "Work off the head of a line that is 10 thousand, 1 million or 10 million jobs long",
        options: [waiting, history, jobs, BenchOptions.workers] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let counts = try BenchOptions.numbers(waiting, 0...100_000_000, of: invocation)
        try await BenchPlace.with(invocation) { place in
            for count in counts { try await Self(place: place, waiting: count).measure() }
        }
    }

    let place: BenchPlace
    let waiting: Int

    private func measure() async throws {
        let arguments = place.invocation.arguments
        let jobs = arguments.number(Self.jobs) ?? 100_000
        let history = arguments.number(Self.history) ?? 0
        let workers = arguments.number(BenchOptions.workers) ?? 1
        let runs = arguments.number(BenchOptions.runs) ?? 5
        let empty = BenchFigure(
            "growth",
            unit: "jobs/s",
            config: """
                the first \(jobs) of a line in which \(waiting) more wait, after \(history) were worked off; \
                \(workers) worker processes; vacuumed and a checkpoint before each run; the floor is same_work_100 \
                over \(jobs) jobs with nothing else waiting
                """,
            labels: [.init("waiting", .int(Int64(waiting))), .init("history", .int(Int64(history)))]
        )
        let figure = try await place.withSchema { schema in
            var figure = empty
            try await work(history, workers, off: schema)
            var left = 0
            for run in 1...runs {
                place.note("enqueueing \(waiting + jobs - left) jobs")
                try await schema.preload(waiting + jobs - left)
                figure.floor.add(try await QueueFloor.sameWork(batch: 100).measure(jobs, in: place)?.rate)
                try await place.settle(schema.name)
                let (rate, usage, clientSeconds, settled) = try await BurnDown.work(jobs, workers, schema)
                // Until they hear that it is enough, workers go on.
                left = max(0, waiting + jobs - settled)
                figure.runs.add(rate)
                figure.add(usage, per: jobs)
                figure.add("client_cpu_us_per_unit", clientSeconds * 1_000_000 / Double(jobs))
                place.note("run \(run): \(Int(rate)) jobs/s with \(waiting) waiting")
            }
            return figure
        }
        place.print(figure)
    }

    /// Makes a past: a million at a time, so that the line itself stays short.
    private func work(_ history: Int, _ workers: Int, off schema: BenchSchema) async throws {
        guard history > 0 else { return }
        try await schema.withWorkers(workers) { started in
            for begun in stride(from: 0, to: history, by: 1_000_000) {
                let end = min(history, begun + 1_000_000)
                try await schema.preload(end - begun)
                _ = try await started.workers.settled(end)
                place.note("\(end) of \(history) jobs of history")
            }
        }
    }
}
