/// `usher bench queue`: how fast a backlog is worked off, and how late jobs begin at a steady rate.
enum QueueBench {
    static let command = Command(
        "queue",
        "Work off jobs that do nothing; or keep up a rate of them",
        options: [
            BenchOptions.jobs, BenchOptions.workers, BenchOptions.floors, BenchOptions.openLoop,
            BenchOptions.seconds,
        ] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let rates = try BenchOptions.numbers(BenchOptions.openLoop, 1...1_000_000, of: invocation)
        let floors = try QueueFloor.named(
            invocation.arguments.list(BenchOptions.floors),
            for: invocation.path
        )
        try await BenchPlace.with(invocation) { place in
            if rates.isEmpty { try await burnDown(place, floors) }
            for rate in rates { try await OpenLoop(place: place, rate: rate).measure() }
        }
    }

    private static func burnDown(_ place: BenchPlace, _ floors: [QueueFloor]) async throws {
        let arguments = place.invocation.arguments
        let jobs = arguments.number(BenchOptions.jobs) ?? 200_000
        let workers = arguments.number(BenchOptions.workers) ?? 1
        let capacity = arguments.number(BenchOptions.capacity) ?? 2000
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
            for (index, floor) in floors.enumerated() {
                guard let result = try await floor.measure(jobs, in: place) else { break }
                if index == 0 { figure.floor.add(result.rate) }
                figure.add("floor_\(floor.name)", result.rate)
                figure.add(result.usage, per: result.jobs, prefix: "floor_\(floor.name)_")
                place.note("run \(run): floor \(floor.name) \(Int(result.rate)) jobs/s")
            }
            let ours = try await BurnDown(jobs: jobs, workers: workers).run(in: place)
            figure.add(ours, of: jobs)
            place.note("run \(run): \(Int(ours.rate)) jobs/s")
        }
        place.print(figure)
    }
}
