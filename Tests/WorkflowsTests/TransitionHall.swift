import Jobs
import JobsTesting
import Postgres
import TestSupport
import Testing
import Workflows

/// Lets go of a seat by a function of SQL.
struct LetGo: TimerTransition {
    static let function = "let_go"
    var seat: Int
}

/// Holds a seat until somebody pays or the time is up.
struct SeatHold: Workflow {
    static let name = "hold"
    static let retry = RetryPolicy.fixed(.seconds(60), max: 3)
    static let paid = EventKey<Int>("paid")

    func run(_ context: WorkflowContext, _ seat: Int) async throws -> String {
        let price = try await context.first(
            on(Self.paid) { $0 },
            expires(after: .seconds(600), by: LetGo(seat: seat))
        )
        return "paid \(price)"
    }
}

/// Holds a seat, and holds it longer when the function says that it may.
struct LongHold: Workflow {
    static let name = "long_hold"

    func run(_ context: WorkflowContext, _ seat: Int) async throws -> String {
        for _ in 0..<2 {
            let waits: Bool = try await context.first(
                on(SeatHold.paid) { _ in false },
                expires(after: .seconds(600), by: LetGo(seat: seat), otherwise: { true })
            )
            if !waits { return "paid" }
            try await context.step("extend") { tx in
                try await tx.execute(
                    Query("t", "UPDATE chairs SET extended = extended + 1 WHERE id = \(seat)")
                )
            }
        }
        return "gave up"
    }
}

/// Waits for a hold, and undoes what it did when that fails.
struct Visit: Workflow {
    static let name = "visit"
    static let retry = RetryPolicy.never

    func run(_ context: WorkflowContext, _ seat: Int) async throws -> String {
        context.compensate("visit") { context in
            try await context.step("cancel") { tx in
                try await tx.execute(Query("t", "UPDATE chairs SET extended = -1 WHERE id = \(seat)"))
            }
        }
        return try await context.first(expires(after: .seconds(600), by: LetGo(seat: seat)))
    }
}

/// Does something outside while it holds a seat.
struct BusyHold: Workflow {
    static let name = "busy_hold"
    let work: @Sendable (JobID) async throws -> Void

    func run(_ context: WorkflowContext, _ seat: Int) async throws -> String {
        let run = context.runID
        async let worked: Void = context.effect("work") { _ in try await work(run) }
        async let paid = context.first(
            on(SeatHold.paid) { "paid \($0)" },
            expires(after: .seconds(600), by: LetGo(seat: seat))
        )
        try await worked
        return try await paid
    }
}

/// Has no time at all, and starts another beside that.
struct NoHold: Workflow {
    static let name = "no_hold"

    func run(_ context: WorkflowContext, _ seat: Int) async throws -> String {
        async let started = context.start(SeatHold.self, seat + 1)
        async let over: String = context.first(expires(after: .zero, by: LetGo(seat: seat)))
        _ = try await started
        return try await over
    }
}

/// Has a hold for a child.
struct Booking: Workflow {
    static let name = "booking"

    func run(_ context: WorkflowContext, _ seat: Int) async throws -> String {
        "hold \(try await context.child(SeatHold.self, seat))"
    }
}

/// Names a function that nobody has made.
struct Nameless: Workflow {
    struct Forgotten: TimerTransition { static let function = "forgotten" }
    static let name = "nameless"
    static let retry = RetryPolicy.never

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        try await context.first(expires(after: .seconds(600), by: Forgotten()))
    }
}

/// Holds of seats that a function lets go of, driven by hand.
struct TransitionHall: Sendable {
    /// Seats below 0 make the function fail, 0 gets no row, and those from 1000 are turned down.
    fileprivate static let letGo: SQL = """
        CREATE FUNCTION let_go(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb)
        LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO calls (runs) VALUES (cardinality(runs));
            IF EXISTS (SELECT FROM unnest(arguments) AS a (argument) WHERE (argument->>'seat')::int < 0) THEN
                RAISE EXCEPTION 'there is no such seat';
            END IF;
            UPDATE chairs s SET is_free = true
            FROM unnest(arguments) AS a (argument) WHERE s.id = (a.argument->>'seat')::int AND s.id < 1000;
            RETURN QUERY SELECT g.run, CASE WHEN (g.argument->>'seat')::int < 1000 THEN '"let go"'::jsonb END
            FROM unnest(runs, arguments) AS g (run, argument) WHERE (g.argument->>'seat')::int <> 0;
        END
        $$
        """

    let database: TestDatabase
    let tester: WorkflowTester
    var round: TransitionRound { TransitionRound(postgres: database.client) }

    func seats(_ condition: SQL) async throws -> Int64 {
        try await database.client.query(
            Query("t_seats", "SELECT count(*) FROM chairs WHERE \(fragment: condition)")
        )[0][0]
    }

    /// How many runs were given to the function in each call that was not rolled back.
    func calls() async throws -> [Int32] {
        try await database.client.query(Query("t_calls", "SELECT runs FROM calls ORDER BY at")).map {
            try $0[0]
        }
    }

    func record(_ run: JobID) async throws -> JobRecord {
        try #require(try await tester.client.store.job(run))
    }

    /// Starts holds and drives them until they wait; their time comes with `late`.
    func hold(_ seats: [Int]) async throws -> [JobID] {
        var runs: [JobID] = []
        for seat in seats { runs.append(try await tester.client.start(SeatHold.self, seat)) }
        try await tester.drain()
        return runs
    }

    /// Moves the clock on, and nothing else.
    func late() async throws {
        try await database.shiftClock(601)
    }

    func audit() async throws {
        for check in EngineAudit.checks {
            let offenders = try await check.offenders(in: database.client)
            #expect(offenders == [], "\(check.name)")
        }
    }
}

func withHall(
    work: @escaping @Sendable (TestDatabase, JobID) async throws -> Void = { _, _ in },
    _ body: @Sendable (TransitionHall) async throws -> Void
) async throws {
    try await withDatabase { database in
        try await database.create(
            "CREATE TABLE chairs (id int PRIMARY KEY, is_free boolean DEFAULT false, extended int DEFAULT 0)"
        )
        try await database.create("INSERT INTO chairs SELECT n FROM generate_series(1, 2000) n")
        try await database.create("CREATE TABLE calls (at bigserial, runs int NOT NULL)")
        try await database.create(TransitionHall.letGo)
        var registry = WorkflowRegistry()
        registry.register(SeatHold())
        registry.register(LongHold())
        registry.register(Visit())
        registry.register(Booking())
        registry.register(BusyHold { try await work(database, $0) })
        registry.register(NoHold())
        registry.register(Nameless())
        let tester = WorkflowTester(postgres: database.client, registry: registry)
        try await body(TransitionHall(database: database, tester: tester))
    }
}

extension TransitionHall {
    /// Has runs stand still, as an operator does.
    func pause(_ runs: [JobID]) async throws {
        try await database.client.execute(
            Query(
                "t_pause",
                """
                UPDATE jobs SET paused = true, waiting_for = NULL, wake_at = NULL
                WHERE id = ANY (\(runs.map(\.rawValue))) AND state = 'waiting'
                """
            )
        )
    }

    func resume(_ runs: [JobID]) async throws {
        try await database.client.execute(
            Query(
                "t_resume",
                """
                WITH woken AS (
                    UPDATE jobs SET paused = false, state = 'ready' WHERE id = ANY (\(runs.map(\.rawValue)))
                    RETURNING id, rank, queue
                )
                INSERT INTO ready (rank, job_id, lane, is_run)
                SELECT w.rank, w.id, lane_of(q.first_lane, q.lanes, q.side, w.id), true
                FROM woken w JOIN queues q ON q.name = w.queue
                """
            )
        )
    }
}

extension TestDatabase {
    /// Waits until so many backends of the test stand behind others' locks.
    func waiting(_ count: Int64) async throws {
        _ = try await eventually("\(count) sessions wait for a lock") {
            let waiting: Int64 = try await client.query(
                Query(
                    "test_waiting",
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = \(schema) AND wait_event_type = 'Lock'
                    """
                )
            )[0][0]
            return waiting >= count ? true : nil
        }
    }
}
