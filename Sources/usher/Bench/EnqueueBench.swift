internal import HTTP
internal import Jobs
internal import Postgres
internal import Reactor

/// `usher bench enqueue`: how fast jobs are made, by so many at a time.
struct EnqueueBench: Sendable {
    static let seconds = Option(
        BenchOptions.seconds.name,
        .number(1...3600),
        initial: "3",
        help: "How long each figure is measured in each run"
    )
    static let clients = Option(
        "clients",
        .list("COUNTS"),
        initial: "1,16,64",
        help: "How many enqueue at a time, each on a connection of its own"
    )
    static let producers = Option(
        "producers",
        .number(1...100_000),
        initial: "1000",
        help: "How many share 100 connections where waking the workers is measured"
    )

    static let command = Command(
        "enqueue",
        "Make jobs one at a time, in batches and in the caller's transaction",
        options: [seconds, clients, producers] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let counts = try BenchOptions.numbers(clients, 1...150, of: invocation)
        try await BenchPlace.with(invocation) { place in
            let bench = Self(place: place)
            for way in Way.allCases {
                for count in counts { try await bench.measure(way, clients: count) }
            }
            try await bench.measureWaking()
        }
    }

    /// How a call enqueues.
    enum Way: String, CaseIterable, Sendable {
        case single
        case batch100 = "batch_100"
        case batch1000 = "batch_1000"
        /// `enqueueAll`, by COPY.
        case copy10000 = "copy_10000"
        /// Beside a row of the caller's own, in the caller's transaction.
        case transaction

        /// Jobs per call.
        var size: Int {
            switch self {
            case .single, .transaction: 1
            case .batch100: 100
            case .batch1000: 1000
            case .copy10000: 10_000
            }
        }
    }

    /// Who tells the workers.
    enum Waking: Sendable {
        /// `JobStore.enqueue`, after the commit and coalesced.
        case afterCommit
        case never
        /// A NOTIFY in the producer's own transaction, as many queues do.
        case inside
    }

    let place: BenchPlace

    private var runs: Int { place.invocation.arguments.number(BenchOptions.runs) ?? 5 }
    private var duration: Int { place.invocation.arguments.number(Self.seconds) ?? 3 }

    // MARK: Ours and the floor's

    private func measure(_ way: Way, clients: Int) async throws {
        var figure = BenchFigure(
            "enqueue",
            unit: "jobs/s",
            config: """
                \(clients) clients on as many connections, each without a pause for \(duration) s; \(way.size) jobs a \
                call; p50_ms is of a call; the floor is pgbench -M prepared with as many rows into one table
                """,
            labels: [.init("way", .string(way.rawValue)), .init("clients", .int(Int64(clients)))]
        )
        for run in 1...runs {
            if let pgbench = place.pgbench {
                let floor = try await place.withFloorSchema { postgres in
                    try await postgres.simple(Self.floorTables)
                    try await place.quiet()
                    return try await pgbench.run(Self.floorScript(way), clients: clients, .seconds(duration))
                }
                figure.floor.add(floor.rate * Double(way.size))
            }
            try await place.withSchema(connections: clients) { schema in
                try await schema.postgres.simple(
                    "CREATE TABLE bench_orders (id bigint PRIMARY KEY, note text)"
                )
                try await place.quiet()
                return try await repeating(in: schema, clients) { number in
                    switch way {
                    case .transaction:
                        try await schema.postgres.withTransaction { tx in
                            try await tx.execute(Self.order(number))
                            _ = try await schema.store.enqueue([BenchJob.new(number)], in: &tx)
                        }
                        schema.store.wake([BenchJob.queue])
                    case .single, .batch100, .batch1000:
                        let first = number * way.size
                        let jobs = (first..<(first + way.size)).map { BenchJob.new($0) }
                        _ = try await schema.store.enqueue(jobs)
                    case .copy10000:
                        let first = number * way.size
                        _ = try await schema.store.enqueueAll(
                            (first..<(first + way.size)).lazy.map { BenchJob.new($0) }
                        )
                    }
                }
            }.add(to: &figure, size: way.size)
            place.note(
                "run \(run): \(way.rawValue), \(clients) clients: \(Int(figure.runs.values.last ?? 0)) jobs/s"
            )
        }
        place.print(figure)
    }

    private static func order(_ number: Int) -> Query {
        Query("bench_order", "INSERT INTO bench_orders (id, note) VALUES (\(Int64(number)), 'bench')")
    }

    private static let floorTables = """
        CREATE TABLE floor_jobs (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text NOT NULL DEFAULT 'default',
            state smallint NOT NULL DEFAULT 0, run_at timestamptz NOT NULL DEFAULT now(), payload jsonb NOT NULL
        );
        CREATE TABLE floor_orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
        """

    private static func floorScript(_ way: Way) -> String {
        let one = "INSERT INTO floor_jobs (payload) VALUES ('{\"n\":1}');\n"
        switch way {
        case .single: return one
        case .transaction: return "BEGIN;\nINSERT INTO floor_orders (note) VALUES ('bench');\n\(one)END;\n"
        case .batch100, .batch1000, .copy10000:
            let rows = (0..<way.size).map { "\"{\\\"n\\\":\($0)}\"" }.joined(separator: ",")
            return "INSERT INTO floor_jobs (payload) SELECT p::jsonb FROM unnest('{\(rows)}'::text[]) p;\n"
        }
    }

    // MARK: Waking

    /// A thousand producers with wake-ups, beside as many without: the ratio is what waking costs.
    private func measureWaking() async throws {
        let producers = place.invocation.arguments.number(Self.producers) ?? 1000
        var figure = BenchFigure(
            "enqueue.waking",
            unit: "jobs/s",
            config: """
                \(producers) producers on 100 connections, one job a call, for \(duration) s; the floor is the same \
                without waking anybody; notify_inside with pg_notify in each producer's transaction instead
                """,
            labels: [.init("producers", .int(Int64(producers)))]
        )
        for run in 1...runs {
            figure.floor.add(try await wake(.never, producers).rate)
            try await wake(.afterCommit, producers).add(to: &figure, size: 1)
            figure.add("notify_inside", try await wake(.inside, producers).rate)
            place.note(
                "run \(run): \(Int(figure.runs.values.last ?? 0)) jobs/s with wake-ups after the commit"
            )
        }
        place.print(figure)
    }

    private func wake(_ waking: Waking, _ producers: Int) async throws -> Repeated {
        try await place.withSchema(connections: 100) { schema in
            try await place.quiet()
            return try await repeating(in: schema, producers) { number in
                let job = BenchJob.new(number)
                guard waking != .afterCommit else {
                    _ = try await schema.store.enqueue([job])
                    return
                }
                try await schema.postgres.withTransaction { tx in
                    _ = try await schema.store.enqueue([job], in: &tx)
                    if waking == .inside {
                        try await tx.execute(
                            Query("bench_notify", "SELECT pg_notify('usher_bench', 'bench')")
                        )
                    }
                }
            }
        }
    }

    // MARK: Clients

    /// Calls made over and over by some clients.
    private struct Repeated: Sendable {
        let calls: Int
        let seconds: Double
        let latencies: LatencyHistogram
        let usage: ServerUsage

        var rate: Double { Double(calls) / seconds }

        func add(to figure: inout BenchFigure, size: Int) {
            figure.runs.add(rate * Double(size))
            figure.add(usage, per: calls * size)
            figure.add(latencies)
        }
    }

    private func repeating(
        in schema: BenchSchema,
        _ clients: Int,
        _ call: @escaping @Sendable (_ number: Int) async throws -> Void
    ) async throws -> Repeated {
        // Connections and prepared statements are made before the clock starts.
        try await withThrowingDiscardingTaskGroup { group in
            for client in 0..<clients { group.addTask { try await call(client) } }
        }
        let before = try await place.meter.read()
        let start = MonotonicTime.now
        let end = start + .seconds(duration)
        let latencies = try await withThrowingTaskGroup(of: LatencyHistogram.self) { group in
            for client in 0..<clients {
                group.addTask {
                    var latencies = LatencyHistogram()
                    var number = client + clients
                    while true {
                        let begun = MonotonicTime.now
                        guard begun < end else { return latencies }
                        try await call(number)
                        latencies.add(microseconds: (MonotonicTime.now - begun).microseconds)
                        number += clients
                    }
                }
            }
            return try await group.reduce(into: LatencyHistogram()) { $0.add($1) }
        }
        let seconds = (MonotonicTime.now - start).seconds
        let usage = try await place.meter.read() - before
        return Repeated(calls: latencies.count, seconds: seconds, latencies: latencies, usage: usage)
    }
}
