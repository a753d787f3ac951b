internal import BoxOffice
internal import Jobs
internal import Postgres
internal import Reactor
internal import Workflows

/// `usher bench expiries`: how long it takes until many holds that end at once are free tickets again.
struct ExpiriesBench: Sendable {
    static let holds = Option(
        "holds",
        .number(100...1_000_000),
        initial: "100000",
        help: "Holds that end at once"
    )

    static let command = Command(
        "expiries",
        "End many holds at once",
        options: [holds] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        try await BenchPlace.with(invocation) { place in
            try await Self(place: place, count: invocation.arguments.number(holds) ?? 100_000).run()
        }
    }

    private let place: BenchPlace
    private let count: Int

    private func run() async throws {
        var figure = BenchFigure(
            "expiries",
            unit: "s",
            config: """
                \(count) holds of one ticket whose end passes at the same instant, until the last is let go of, its run \
                over and its message on its way; one scheduler, no worker
                """
        )
        for run in 1...(place.invocation.arguments.number(BenchOptions.runs) ?? 5) {
            let floor = try await floor()
            figure.floor.add(floor)
            let (seconds, usage) = try await measure()
            place.note("run \(run): \(seconds) s, floor \(floor) s")
            figure.runs.add(seconds)
            figure.add("holds_per_s", Double(count) / seconds)
            figure.add(usage, per: count)
        }
        place.print(figure)
    }

    private func measure() async throws -> (Double, ServerUsage) {
        try await place.withSchema { schema in
            let sale = try await BenchSale.standing(count, in: schema)
            // The messages that the holds end with wait there for a worker that never comes.
            try await schema.store.ensureQueue(Notify.queue)
            try await sale.admit(count)
            let made = try await StraightHolds(schema: schema, sale: sale).start(1..<count + 1)
            guard made.held == count else { throw Failure("of \(count) holds \(made.held) were granted") }
            try await place.settle(schema.name)
            let before = try await place.meter.read()
            let start = MonotonicTime.now
            try await schema.moveClock(by: .seconds(86_400))
            while try await sale.held() > 0 {
                guard MonotonicTime.now - start < .seconds(300) else {
                    throw Failure("the holds did not end in 300 s")
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            let seconds = (MonotonicTime.now - start).seconds
            let usage = try await place.meter.read() - before
            let ended = try await schema.postgres.query(
                Query(
                    "bench_expired",
                    """
                    SELECT count(*) FILTER (WHERE r.state = 'expired' AND j.state = 'done')
                    FROM reservations r JOIN jobs j ON j.id = r.id
                    """
                )
            )
            guard try ended[0][0] == count else { throw Failure("not every hold ended with its run") }
            return (seconds, usage)
        }
    }

    /// The same holds in one table, and their tier, by one statement.
    private func floor() async throws -> Double {
        try await place.withFloorSchema { postgres in
            try await postgres.simple(
                """
                CREATE TABLE tiers (on_sale_id bigint PRIMARY KEY, free integer NOT NULL, held integer NOT NULL);
                INSERT INTO tiers VALUES (1, 0, \(count));
                CREATE TABLE reservations (
                    id bigint PRIMARY KEY, on_sale_id bigint NOT NULL, admission_id bigint NOT NULL,
                    tier text NOT NULL, quantity integer NOT NULL, state text NOT NULL,
                    expires_at timestamptz NOT NULL, ended_at timestamptz
                ) WITH (fillfactor = 60);
                CREATE INDEX ON reservations (on_sale_id, admission_id);
                INSERT INTO reservations SELECT n, 1, n, 'floor', 1, 'held', now() FROM generate_series(1, \(count)) n;
                """
            )
            for table in ["tiers", "reservations"] { try await postgres.simple("VACUUM (ANALYZE) \(table)") }
            try await postgres.simple("CHECKPOINT")
            try await place.quiet()
            let start = MonotonicTime.now
            try await postgres.execute(
                Query(
                    "bench_expiry_floor",
                    """
                    WITH gone AS (
                        UPDATE reservations SET state = 'expired', ended_at = now()
                        WHERE state = 'held' AND expires_at <= now() RETURNING quantity
                    ), back AS (SELECT sum(quantity) AS quantity FROM gone)
                    UPDATE tiers SET free = free + back.quantity, held = held - back.quantity FROM back
                    WHERE on_sale_id = 1
                    """
                )
            )
            return (MonotonicTime.now - start).seconds
        }
    }
}
