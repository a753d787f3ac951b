internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// `usher bench admission`: what a tick costs while few, many and very many wait.
struct AdmissionBench: Sendable {
    static let waiting = Option(
        "waiting",
        .list("COUNTS"),
        initial: "1000,100000,1000000",
        help: "How many wait, in one line after the other"
    )
    static let ticks = Option("ticks", .number(10...10_000), initial: "200", help: "Ticks in a line")

    static let command = Command(
        "admission",
        "Call from lines of several lengths",
        options: [waiting, ticks] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let counts = try counts(invocation.arguments.list(waiting))
        try await BenchPlace.with(invocation) { place in
            for count in counts {
                let bench = Self(place: place, count: count, ticks: invocation.arguments.number(ticks) ?? 200)
                try await bench.run()
            }
        }
    }

    private static func counts(_ words: [String]) throws -> [Int] {
        try words.map { word in
            guard let count = Int(word), (1000...10_000_000).contains(count) else {
                throw Failure("--waiting takes whole numbers from 1000 to 10000000, not \"\(word)\"")
            }
            return count
        }
    }

    private let place: BenchPlace
    private let count: Int
    private let ticks: Int

    private func run() async throws {
        var figure = BenchFigure(
            "admission",
            unit: "ms",
            config: "a tick that calls twenty of those who wait, every second of the sale; its transaction",
            labels: [.init("waiting", .int(Int64(count)))]
        )
        for run in 1...(place.invocation.arguments.number(BenchOptions.runs) ?? 5) {
            let (ticks, usage) = try await measure()
            let median = ticks.median ?? 0
            place.note("run \(run), \(count) waiting: \(median) ms a tick")
            figure.runs.add(median)
            figure.add("p99_ms", ticks.percentile(0.99))
            figure.add(usage, per: self.ticks)
        }
        place.print(figure)
    }

    private func measure() async throws -> (Samples, ServerUsage) {
        try await place.withSchema { schema in
            let sale = try await BenchSale.standing(10 * ticks + 1000, in: schema)
            try await sale.fill(count)
            let orders = DrawOrders()
            let tick = TickTransaction(onSale: sale.onSale, orders: orders)
            // The order is drawn once in a process, which takes the longer the more there are.
            _ = try await schema.postgres.withTransaction { tx in try await tick.run(in: &tx) }
            try await place.settle(schema.name)
            var samples = Samples()
            let before = try await place.meter.read()
            for _ in 0..<ticks {
                try await schema.moveClock(by: .seconds(1))
                let start = MonotonicTime.now
                _ = try await schema.postgres.withTransaction { tx in try await tick.run(in: &tx) }
                samples.add((MonotonicTime.now - start).milliseconds)
            }
            return (samples, try await place.meter.read() - before)
        }
    }
}
