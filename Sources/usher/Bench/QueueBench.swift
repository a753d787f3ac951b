internal import Postgres
internal import Reactor

/// `usher bench queue`: how fast a backlog is worked off, and how late jobs begin at a steady rate.
struct QueueBench: Sendable {
    static let command = Command(
        "queue",
        "Work off jobs that do nothing; or keep up a rate of them",
        options: [
            BenchOptions.jobs, BenchOptions.workers, BenchOptions.floors, BenchOptions.openLoop,
            BenchOptions.seconds,
        ] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let rates = try OpenLoop.rates(invocation)
        let floors = try floors(invocation)
        try await BenchPlace.with(invocation) { place in
            if rates.isEmpty {
                try await Self(place: place).burnDown(floors)
            } else {
                for rate in rates { try await OpenLoop(place: place, rate: rate).measure() }
            }
        }
    }

    let place: BenchPlace

    private static func floors(_ invocation: Invocation) throws -> [QueueFloor] {
        try invocation.arguments.list(BenchOptions.floors).flatMap { name -> [QueueFloor] in
            switch name {
            case "same_work": [.sameWork(batch: 100), .sameWork(batch: 500)]
            case "upd_del": [.updateThenDelete(batch: 100)]
            case "del1": [.delete(batch: 100)]
            case "none": []
            default:
                throw UsageError(
                    command: invocation.path,
                    message: "--floors names same_work, upd_del, del1 or none, not \"\(name)\""
                )
            }
        }
    }

    /// What one run found.
    struct Run: Sendable {
        let rate: Double
        let enqueueRate: Double
        let enqueuing: ServerUsage
        let working: ServerUsage
        let clientSeconds: Double
    }

    /// Preloads, starts, and waits for the last end to be durable.
    func burn(_ jobs: Int, workers: Int) async throws -> Run {
        try await place.withSchema { schema in
            let empty = try await place.meter.read()
            let begun = MonotonicTime.now
            try await schema.preload(jobs)
            let enqueued = MonotonicTime.now - begun
            let full = try await place.meter.read()
            try await place.settle(schema.name)
            let meter = Lock(ServerUsage(walBytes: 0, cpuSeconds: nil))
            let (working, start) = try await schema.start(workers) {
                let reading = try await place.meter.read()
                meter.withLock { $0 = reading }
            }
            do {
                let idle = await working.cpuSeconds()
                let end = try await working.settled(jobs)
                let clientSeconds = await working.cpuSeconds() - idle
                let usage = try await place.meter.read() - meter.withLock { $0 }
                await working.stop()
                return Run(
                    rate: Double(jobs) / (end - start).seconds,
                    enqueueRate: Double(jobs) / enqueued.seconds,
                    enqueuing: full - empty,
                    working: usage,
                    clientSeconds: clientSeconds
                )
            } catch {
                await working.stop()
                throw error
            }
        }
    }

    private func burnDown(_ floors: [QueueFloor]) async throws {
        let arguments = place.invocation.arguments
        let jobs = arguments.number(BenchOptions.jobs) ?? 200_000
        let workers = arguments.number(BenchOptions.workers) ?? 1
        let capacity = arguments.number(BenchOptions.capacity) ?? 1000
        var figure = BenchFigure(
            "queue",
            unit: "jobs/s",
            config: """
                \(jobs) jobs preloaded in thousands, vacuumed, checkpoint; \(workers) worker processes of capacity \
                \(capacity), connected and waiting before the clock starts; until the last end is durable; \
                wal_bytes_per_unit is enqueue to gone; floors by pgbench -c 4 -j 2 -M prepared over as many jobs
                """
        )
        for run in 1...(arguments.number(BenchOptions.runs) ?? 5) {
            if let pgbench = place.pgbench {
                for (index, floor) in floors.enumerated() {
                    let result = try await floor.measure(jobs, pgbench, in: place)
                    if index == 0 { figure.floor.add(result.rate) }
                    figure.add("floor_\(floor.name)", result.rate)
                    figure.add(result.usage, per: result.jobs, prefix: "floor_\(floor.name)_")
                    place.note("run \(run): floor \(floor.name) \(Int(result.rate)) jobs/s")
                }
            }
            let ours = try await burn(jobs, workers: workers)
            figure.runs.add(ours.rate)
            figure.add(
                ServerUsage(
                    walBytes: ours.enqueuing.walBytes + ours.working.walBytes,
                    cpuSeconds: ours.working.cpuSeconds
                ),
                per: jobs
            )
            figure.add("client_cpu_us_per_unit", ours.clientSeconds * 1_000_000 / Double(jobs))
            figure.add(ours.enqueuing, per: jobs, prefix: "enqueue_")
            figure.add("enqueue_rate", ours.enqueueRate)
            place.note("run \(run): \(Int(ours.rate)) jobs/s")
        }
        place.print(figure)
    }
}
