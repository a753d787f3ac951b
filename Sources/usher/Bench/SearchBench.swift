internal import BoxOffice
internal import EventLog
internal import Postgres
internal import Reactor
internal import Telemetry

/// `usher bench search`: how long searches take, and how late they know, while very many on-sales are filed.
struct SearchBench: Sendable {
    static let onSales = Option(
        "on-sales",
        .number(100...1_000_000),
        initial: "100000",
        help: "How many are filed while people search"
    )
    static let searchers = Option(
        "searchers",
        .number(1...16),
        initial: "2",
        help: "How many search at a time, each again as soon as it is answered"
    )

    static let command = Command(
        "search",
        "Search while very many on-sales are filed",
        options: [onSales, searchers] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        try await BenchPlace.with(invocation) { try await Self(place: $0).measure() }
    }

    let place: BenchPlace

    private var arguments: Arguments { place.invocation.arguments }
    /// In one transaction, as an import would.
    private static let batch = 100

    /// What a run found.
    private struct Outcome: Sendable {
        var filed = 0.0
        var indexed = 0.0
        var lag = 0.0
        var searches = 0
        var during = LatencyHistogram()
        var after = LatencyHistogram()
    }

    private func measure() async throws {
        let count = arguments.number(Self.onSales) ?? 100_000
        let searchers = arguments.number(Self.searchers) ?? 2
        var figure = BenchFigure(
            "search",
            unit: "on-sales/s",
            config: """
                \(count) facts on_sale.scheduled through the log, \(Self.batch) in a transaction, as fast as they go, while \
                \(searchers) search the whole time, no answer being kept: names, beginnings, misspelt ones, everybody's words, \
                filters; median is from the first fact to the last that can be found
                """
        )
        for run in 1...(arguments.number(BenchOptions.runs) ?? 5) {
            let outcome = try await place.withSchema { schema in
                try await place.quiet()
                return try await self.run(count, searchers, schema.postgres)
            }
            figure.runs.add(outcome.indexed)
            figure.add("filed_per_s", outcome.filed)
            figure.add("lag_max_s", outcome.lag)
            figure.add("searches", Double(outcome.searches))
            figure.add(outcome.during)
            figure.add(outcome.after, prefix: "at_rest_")
            place.note("run \(run): \(Int(outcome.indexed)) on-sales/s, \(outcome.lag) s late at most")
        }
        place.print(figure)
    }

    private func run(_ count: Int, _ searchers: Int, _ postgres: PostgresClient) async throws -> Outcome {
        let runner = ConsumerRunner(
            postgres: postgres,
            consumers: [SearchIndex()],
            member: "bench",
            logger: place.invocation.logger("events")
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run() }
            defer { runner.stop() }
            var outcome = Outcome()
            let began = MonotonicTime.now
            let (watched, during) = try await searching(searchers, upTo: count, postgres) {
                let filing = Task { try await Self.file(count, postgres) }
                let lag = try await Self.follow(count, postgres)
                return (filed: try await filing.value, lag: lag, indexed: MonotonicTime.now)
            }
            outcome.indexed = Double(count) / (watched.indexed - began).seconds
            outcome.filed = Double(count) / (watched.filed - began).seconds
            outcome.lag = watched.lag
            outcome.during = during
            outcome.searches = during.count
            (_, outcome.after) = try await searching(searchers, upTo: count, postgres) {
                try await Task.sleep(for: .seconds(2))
            }
            return outcome
        }
    }

    // MARK: Filing

    /// - Returns: When the last one was written.
    private static func file(_ count: Int, _ postgres: PostgresClient) async throws -> MonotonicTime {
        for start in stride(from: 0, to: count, by: batch) {
            let drafts = (start..<min(start + batch, count)).map(SearchBenchSale.filed)
            try await postgres.withTransaction { try await $0.pipeline(FactDraft.append(drafts)) }
        }
        return .now
    }

    /// Looks how late the index is until it has all.
    ///
    /// - Returns: The most seconds that the first fact it had not come to was old.
    private static func follow(_ count: Int, _ postgres: PostgresClient) async throws -> Double {
        var most = 0.0
        while true {
            let view = try await ConsumerView.all(in: postgres).first { $0.name == SearchIndex().name }
            most = max(most, view?.lag ?? 0)
            let indexed: Int64 = try await postgres.query(
                Query("bench_search_count", "SELECT count(*) FROM search_counts")
            )[0][0]
            if indexed >= count { return most }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    // MARK: Searching

    /// How long all searches took.
    private final class Tally: Sendable {
        let all = Lock(LatencyHistogram())
    }

    /// Searches until `body` ends.
    private func searching<Value: Sendable>(
        _ searchers: Int,
        upTo count: Int,
        _ postgres: PostgresClient,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> (Value, LatencyHistogram) {
        let tally = Tally()
        let value = try await withThrowingTaskGroup(of: Value?.self) { group in
            for searcher in 0..<searchers {
                group.addTask {
                    var dice = SeededDice(seed: UInt64(searcher + 1))
                    let search = Search(postgres)
                    while !Task.isCancelled {
                        let question = SearchBenchSale.question(upTo: count, &dice)
                        let asked = MonotonicTime.now
                        do { _ = try await search.find(question, after: nil, limit: 20) } catch {
                            guard Task.isCancelled else { throw error }
                            return nil
                        }
                        let took = (MonotonicTime.now - asked).nanoseconds / 1_000
                        tally.all.withLock { $0.add(microseconds: took) }
                    }
                    return nil
                }
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
        return (value, tally.all.withLock { $0 })
    }
}
