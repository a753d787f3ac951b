internal import HTTP

/// `usher bench scale`: what more worker processes add.
enum ScaleBench {
    static let counts = Option(
        "counts",
        .list("COUNTS"),
        initial: "1,2,4,8",
        help: "How many worker processes, one figure each"
    )

    static let command = Command(
        "scale",
        "Work off the same backlog with more and more worker processes",
        options: [counts, BenchOptions.jobs] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let counts = try BenchOptions.numbers(counts, 1...64, of: invocation)
        try await BenchPlace.with(invocation) { try await measure($0, counts) }
    }

    private static func measure(_ place: BenchPlace, _ counts: [Int]) async throws {
        let arguments = place.invocation.arguments
        let jobs = arguments.number(BenchOptions.jobs) ?? 200_000
        let capacity = arguments.number(BenchOptions.capacity) ?? 2000
        var figures = counts.map { count in
            BenchFigure(
                "scale",
                unit: "jobs/s",
                config: """
                    as queue: \(jobs) jobs; \(count) worker processes of capacity \(capacity); one round of all counts \
                    after the other, with one floor each (same_work_100)
                    """,
                labels: [.init("workers", .int(Int64(count)))]
            )
        }
        for run in 1...(arguments.number(BenchOptions.runs) ?? 5) {
            let floor = try await QueueFloor.sameWork(batch: 100).measure(jobs, in: place)
            for (index, count) in counts.enumerated() {
                figures[index].floor.add(floor?.rate)
                let ours = try await BurnDown(jobs: jobs, workers: count).run(in: place)
                figures[index].add(ours, of: jobs)
                place.note("run \(run): \(count) workers, \(Int(ours.rate)) jobs/s")
            }
        }
        for figure in figures { place.print(figure) }
    }
}
