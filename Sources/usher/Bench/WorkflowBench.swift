internal import HTTP
internal import Jobs
internal import Postgres
internal import Reactor
internal import Workflows

/// `usher bench workflow`: what runs of workflows take and cost.
struct WorkflowBench: Sendable {
    private enum Part: String, CaseIterable, Sendable {
        case steps, hold, fanOut = "fan-out", parked, expiry, replay
    }

    private static let only = Option(
        "only",
        .list("PARTS"),
        initial: Part.allCases.map(\.rawValue).joined(separator: ","),
        help: "Which figures to measure"
    )
    private static let count = Option(
        "count",
        .number(10...10_000_000),
        initial: "20000",
        help: "Runs of one step or one hold; a quarter as many of ten steps"
    )
    private static let parked = Option(
        "parked",
        .number(10...10_000_000),
        initial: "100000",
        help: "Runs that are parked, or expire together"
    )

    static let command = Command(
        "workflow",
        "Run workflows: steps of each kind, holds, fan-out, parked runs, expiry, replay",
        options: [only, count, parked, BenchOptions.workers] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let parts = try invocation.arguments.list(only).map { word in
            guard let part = Part(rawValue: word) else {
                throw UsageError(
                    command: invocation.path,
                    message: """
                        --only takes \(Part.allCases.map(\.rawValue).joined(separator: ", ")), separated by commas, \
                        not "\(word)"
                        """
                )
            }
            return part
        }
        try await BenchPlace.with(invocation) { place in
            let bench = WorkflowBench(place: place)
            for part in parts { try await bench.measure(part) }
        }
    }

    let place: BenchPlace
    private var runs: Int { place.invocation.arguments.number(BenchOptions.runs) ?? 5 }
    private var count: Int { place.invocation.arguments.number(Self.count) ?? 20_000 }
    private var parked: Int { place.invocation.arguments.number(Self.parked) ?? 100_000 }
    private var workers: Int { place.invocation.arguments.number(BenchOptions.workers) ?? 1 }

    private func measure(_ part: Part) async throws {
        switch part {
        case .steps:
            for (count, steps) in [(count, 1), (max(10, count / 4), 10)] {
                for kind in BenchFlows.Steps.Kind.allCases { try await self.steps(kind, steps, of: count) }
            }
        case .hold:
            try await hold(byEvent: true)
            try await hold(byEvent: false)
        case .fanOut: try await fanOut()
        case .parked: try await memory()
        case .expiry:
            try await expiry(byFunction: false)
            try await expiry(byFunction: true)
        case .replay: try await replay()
        }
    }

    private func figure(
        _ name: String,
        unit: String = "runs/s",
        _ config: String,
        _ labels: [JSONValue.Member] = []
    ) -> BenchFigure {
        BenchFigure(
            "workflow.\(name)",
            unit: unit,
            config: "\(config); \(workers) worker processes, connected and waiting before the clock starts",
            labels: labels
        )
    }

    /// Measures a figure as often as was asked for.
    private func measure(
        _ figure: BenchFigure,
        _ measure: @escaping @Sendable (BenchSchema) async throws -> FlowCost,
        add: (inout BenchFigure, FlowCost) -> Void
    ) async throws {
        var figure = figure
        for run in 1...runs {
            let cost = try await place.leastDisturbed(by: { $0.usage }) {
                try await place.withSchema(measure)
            }
            add(&figure, cost)
            place.note("\(figure.bench) run \(run): \(cost.seconds) s")
        }
        place.print(figure)
    }

    // MARK: Steps

    private func steps(_ kind: BenchFlows.Steps.Kind, _ steps: Int, of count: Int) async throws {
        let figure = figure(
            "steps",
            "\(count) runs of \(steps) \(kind.rawValue) steps that do nothing, preloaded",
            [.init("kind", .string(kind.rawValue)), .init("steps", .int(Int64(steps)))]
        )
        try await measure(figure) { schema in
            let input = BenchFlows.Steps.Input(kind: kind, count: steps)
            try await schema.preload(count) { _ in try NewJob.run(BenchFlows.Steps.self, input) }
            return try await driven(schema) { started in try await started.workers.settled(count) }
        } add: { figure, cost in
            figure.add(cost, of: count, steps: steps)
        }
    }

    // MARK: Holds

    private func hold(byEvent: Bool) async throws {
        let count = count
        let figure = figure(
            "hold",
            "\(count) runs of hold, wait, confirm, done, preloaded; all are parked before the wait ends",
            [.init("wait", .string(byEvent ? "event" : "timer"))]
        )
        try await measure(figure) { schema in
            let far: Int64 = byEvent ? 3600 : 10_000_000
            let end = try await schema.now() + .seconds(far)
            let ids = try await schema.preload(count) { _ in
                let input = BenchFlows.Hold.Input(until: end.microseconds, byFunction: false)
                return try NewJob.run(BenchFlows.Hold.self, input)
            }
            return try await driven(schema) { started in
                _ = try await started.workers.settled(count)
                if byEvent {
                    try await schema.send(BenchFlows.Hold.paid.name, to: ids)
                } else {
                    try await schema.moveClock(by: .seconds(far))
                }
                return try await started.workers.settled(2 * count)
            }
        } add: { figure, cost in
            figure.add(cost, of: count, steps: 2)
        }
    }

    // MARK: Children

    private func fanOut() async throws {
        let parents = max(1, count / 1000)
        let children = min(1000, count)
        let figure = figure(
            "fan_out",
            unit: "children/s",
            "\(parents) runs with \(children) children each, until all parents have their results"
        )
        try await measure(figure) { schema in
            let ids = try await schema.preload(parents) { _ in
                try NewJob.run(BenchFlows.FanOut.self, children)
            }
            return try await driven(schema) { _ in try await schema.ended(ids) }
        } add: { figure, cost in
            figure.add(cost, of: parents * children, steps: 1)
        }
    }

    // MARK: Parked runs

    /// What a worker's memory grows by when another hundred thousand runs are parked.
    private func memory() async throws {
        let parked = parked
        var figure = figure(
            "parked",
            unit: "bytes",
            """
            growth of a worker's resident memory while \(parked) runs are parked, after \(parked / 10) others; \
            per_run_bytes is that for each
            """
        )
        for _ in 1...runs {
            let grown = try await place.withSchema { schema in
                let end = try await schema.now() + .seconds(86_400)
                let park = { @Sendable (count: Int) in
                    _ = try await schema.preload(count) { _ in
                        let input = BenchFlows.Hold.Input(until: end.microseconds, byFunction: false)
                        return try NewJob.run(BenchFlows.Hold.self, input)
                    }
                }
                return try await schema.withWorkers(workers) { started in
                    try await park(parked / 10)
                    _ = try await started.workers.settled(parked / 10)
                    let before = await started.workers.residentBytes()
                    try await park(parked)
                    _ = try await started.workers.settled(parked + parked / 10)
                    return await started.workers.residentBytes() - before
                }
            }
            figure.runs.add(Double(grown))
            figure.add("per_run_bytes", Double(grown) / Double(parked))
        }
        place.print(figure)
    }

    /// How long it takes until all of many runs that expire in the same second are over.
    private func expiry(byFunction: Bool) async throws {
        let parked = parked
        let figure = figure(
            "expiry",
            unit: "s",
            "\(parked) parked holds that expire in the same second, until the last is over",
            [.init("by", .string(byFunction ? "function" : "replay"))]
        )
        try await measure(figure) { schema in
            try await schema.makeRelease(BenchFlows.Hold.function)
            let far = Duration.seconds(10_000_000)
            let end = try await schema.now() + far
            _ = try await schema.preload(parked) { _ in
                let input = BenchFlows.Hold.Input(until: end.microseconds, byFunction: byFunction)
                return try NewJob.run(BenchFlows.Hold.self, input)
            }
            _ = try await driven(schema) { started in try await started.workers.settled(parked) }
            try await place.settle(schema.name)
            guard byFunction else {
                return try await driven(schema) { started in
                    try await schema.moveClock(by: far)
                    return try await started.workers.settled(parked)
                }
            }
            return try await watched(schema) {
                try await schema.moveClock(by: far)
                return try await schema.released(parked)
            }
        } add: { figure, cost in
            figure.runs.add(cost.seconds)
            figure.add("runs_per_s", Double(parked) / cost.seconds)
            figure.add(cost.usage, per: parked)
            figure.addWrites(cost, of: parked)
        }
    }

    // MARK: Replay

    private func replay() async throws {
        let waits = BenchFlows.Remembering.waits
        let runsOfLength = 20
        for length in [100, 1000] {
            var figure = figure(
                "replay",
                unit: "ms",
                """
                processor time of a worker for one go at a run with \(length) steps in its history: load, replay, \
                park; \(runsOfLength) runs woken \(waits) times each
                """,
                [.init("history", .int(Int64(length)))]
            )
            for _ in 1...runs {
                let seconds = try await place.withSchema { schema in
                    let ids = try await schema.preload(runsOfLength) { _ in
                        try NewJob.run(BenchFlows.Remembering.self, length)
                    }
                    return try await schema.withWorkers(workers) { started in
                        _ = try await started.workers.settled(runsOfLength)
                        let before = await started.workers.cpuSeconds()
                        for wait in 1...waits {
                            try await schema.send(BenchFlows.Remembering.on.numbered(wait).name, to: ids)
                            _ = try await started.workers.settled(runsOfLength * (wait + 1))
                        }
                        return await started.workers.cpuSeconds() - before
                    }
                }
                figure.runs.add(seconds * 1000 / Double(runsOfLength * waits))
            }
            place.print(figure)
        }
    }

    // MARK: Measuring

    /// Brings the schema to rest, lets workers go, and measures until `body` says when it was over.
    private func driven(
        _ schema: BenchSchema,
        until body: @Sendable (BenchSchema.Started) async throws -> MonotonicTime
    ) async throws -> FlowCost {
        try await place.settle(schema.name)
        let before = try await schema.writes()
        var cost = try await schema.withWorkers(workers) { started in
            let end = try await body(started)
            return FlowCost(
                seconds: (end - started.at).seconds,
                usage: try await place.meter.read() - started.usage,
                clientSeconds: await started.workers.cpuSeconds() - started.cpuSeconds,
                rows: [:],
                commits: 0
            )
        }
        try await count(&cost, schema, since: before)
        return cost
    }

    /// Measures what happens without workers.
    private func watched(
        _ schema: BenchSchema,
        until body: () async throws -> MonotonicTime
    ) async throws -> FlowCost {
        let before = try await schema.writes()
        let usage = try await place.meter.read()
        let start = MonotonicTime.now
        let end = try await body()
        var cost = FlowCost(
            seconds: (end - start).seconds,
            usage: try await place.meter.read() - usage,
            clientSeconds: 0,
            rows: [:],
            commits: 0
        )
        try await count(&cost, schema, since: before)
        return cost
    }

    private func count(
        _ cost: inout FlowCost,
        _ schema: BenchSchema,
        since before: (rows: [String: Int64], commits: Int64)
    ) async throws {
        // The backends of workers that have ended tell what they did as they end.
        try await Task.sleep(for: .seconds(1))
        let after = try await schema.writes()
        cost.rows = after.rows.merging(before.rows) { $0 - $1 }
        cost.commits = after.commits - before.commits
    }
}
