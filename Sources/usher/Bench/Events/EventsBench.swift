internal import BoxOffice
internal import EventLog
internal import Jobs
internal import Postgres
internal import Reactor

/// `usher bench events`: what the event log costs a sale, and how fast a consumer catches up that was away.
///
/// The sale is a rehearsal, so it does the same with the log and without it, second by second.
struct EventsBench: Sendable {
    static let buyers = Option(
        "buyers",
        .number(100...100_000),
        initial: "1000",
        help: "How many come to the sale; it has enough for two in five of them"
    )
    static let behind = Option(
        "behind",
        .number(1000...50_000_000),
        initial: "1000000",
        help: "How many events were written while the consumer was away"
    )

    static let command = Command(
        "events",
        "Play a sale with the event log and without it, and have a consumer catch up",
        options: [buyers, behind] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        try await BenchPlace.with(invocation) { try await Self(place: $0).measure() }
    }

    let place: BenchPlace

    private func number(_ option: Option) -> Int { place.invocation.arguments.number(option) ?? 1 }

    private func measure() async throws {
        let (buyers, behind) = (number(Self.buyers), number(Self.behind))
        var sale = BenchFigure(
            "event_log",
            unit: "WAL bytes/sale",
            config: """
                a rehearsed sale of \(tickets) tickets to \(buyers) buyers, from the first who joins to the last who pays; \
                the floor is the same sale with a table of facts that keeps none; no images of whole pages
                """
        )
        var catchUp = BenchFigure(
            "event_catch_up",
            unit: "events/s",
            config: "\(behind) events of 50 on-sales, told to the consumer analytics by one process"
        )
        // Images of whole pages after a checkpoint, and what cleans up: chance would decide which sale pays for them.
        if !place.invocation.arguments.isGiven(.databaseURL) {
            try await place.admin.simple("ALTER SYSTEM SET full_page_writes = off")
            try await place.admin.simple("ALTER SYSTEM SET autovacuum = off")
            try await place.admin.simple("SELECT pg_reload_conf()")
        }
        for run in 1...number(BenchOptions.runs) {
            var bytes: [Bool: Int64] = [:]
            // Who comes first changes with each run.
            for keeps in run.isMultiple(of: 2) ? [true, false] : [false, true] {
                let played = try await play(keepsFacts: keeps)
                bytes[keeps] = played.bytes
                if keeps {
                    sale.add("events", Double(played.events))
                    sale.add("sold", Double(played.sold))
                    sale.runs.add(Double(played.bytes))
                } else {
                    sale.floor.add(Double(played.bytes))
                }
            }
            let more = (bytes[true] ?? 0) - (bytes[false] ?? 0)
            place.note("run \(run): the log is \(more) of \(bytes[true] ?? 0) bytes")
            let rate = try await place.withSchema { try await self.catchUp(behind, in: $0) }
            catchUp.runs.add(rate)
            place.note("run \(run): \(Int(rate)) events/s")
        }
        place.print(sale)
        place.print(catchUp)
    }

    // MARK: A sale

    private var tickets: Int { number(Self.buyers) * 2 / 5 }

    private var plan: [UInt8] {
        Array(
            """
            {"title": "Bench", "venue": "Hall", "city": "Leipzig", "currency": "EUR",
             "opens_at": "2020-03-05T08:59:00Z", "starts_at": "2020-03-05T09:00:00Z", "closes_at": "2020-03-05T12:00:00Z",
             "rate_per_minute": 1200, "active_limit": 400, "turn_seconds": 60, "session_seconds": 120, "hold_seconds": 90,
             "max_per_buyer": 4, "capacity": \(tickets),
             "tiers": [{"id": "floor", "name": "Floor", "price": 4500}],
             "sections": [{"id": "F", "tier": "floor", "standing": \(tickets)}]}
            """.utf8
        )
    }

    private func play(keepsFacts: Bool) async throws -> (bytes: Int64, events: Int, sold: Int) {
        let plan = try RehearsalPlan(json: plan)
        let crowd = try RehearsalSettings(buyers: 0, share: 0)
            .completed(for: plan.plan, buyers: number(Self.buyers), share: nil)
        let name = RehearsalSchema.freshName()
        var configuration = try PostgresConfiguration(url: place.url)
        configuration.schema = name
        configuration.prefersIndexes = true
        let postgres = PostgresClient(configuration, loops: place.loops, pool: PoolLimits(maximum: 4))
        do {
            let result = try await RehearsalSchema.with(postgres, name: name) { schema in
                if !keepsFacts { try await Self.keepNone(in: schema.postgres) }
                let logger = place.invocation.logger("bench")
                let house = try await RehearsalHouse(schema.postgres, logger: logger)
                let before = try await place.meter.read()
                let report = try await house.engine.run {
                    try await RehearsalReport.playing(plan, crowd, house, in: schema, tell: { _ in })
                }
                let used = try await place.meter.read() - before
                let events: Int = try await schema.postgres.query(
                    Query("bench_events", "SELECT count(*) FROM facts")
                )[0][0]
                return (used.walBytes, events, report.sold)
            }
            await postgres.shutdown()
            return result
        } catch {
            await postgres.shutdown()
            throw error
        }
    }

    /// Facts are made, and not kept: what remains is the sale without a log, but for what the trigger computes.
    private static func keepNone(in postgres: PostgresClient) async throws {
        try await postgres.simple(
            """
            CREATE FUNCTION keep_none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
            CREATE TRIGGER keep_none BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION keep_none();
            """
        )
    }

    // MARK: A consumer that was away

    private func catchUp(_ count: Int, in schema: BenchSchema) async throws -> Double {
        let step = 10_000
        for start in stride(from: 0, to: count, by: step) {
            // As they are written in a sale: some at a time.
            try await schema.postgres.execute(
                Query(
                    "bench_facts",
                    """
                    INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                    SELECT 1 + n % 50, usher_now(), 'reservation.held',
                        jsonb_build_object('reservation', 'rs_' || n, 'tier', 'floor', 'quantity', 2, 'total', 9000)
                    FROM generate_series(\(start + 1), \(min(count, start + step))) AS n
                    """
                )
            )
        }
        try await place.settle(schema.name)
        let (moves, move) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var configuration = ConsumerRunner.Configuration()
        configuration.whenMoved = { move.yield() }
        let runner = ConsumerRunner(
            postgres: schema.postgres,
            consumers: [SaleMinutes()],
            member: "bench",
            configuration: configuration,
            logger: place.invocation.logger("bench")
        )
        let begun = MonotonicTime.now
        let running = Task { await runner.run() }
        for await _ in moves {
            let views = try await ConsumerView.all(in: schema.postgres)
            if let view = views.first, view.parts.allSatisfy({ $0.behind == 0 }) { break }
        }
        let seconds = (MonotonicTime.now - begun).seconds
        runner.stop()
        await running.value
        let told: Int64 = try await schema.postgres.query(
            Query("bench_told", "SELECT coalesce(sum(holds), 0)::bigint FROM sale_minutes")
        )[0][0]
        guard told == count else { throw Failure("\(told) of \(count) events were counted") }
        return Double(count) / seconds
    }
}
