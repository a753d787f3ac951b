import Jobs
import Migrations
import Postgres
import Scheduler
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

@testable import BoxOffice

@Suite("The archive of orders", .timeLimit(.minutes(5)))
struct OrderArchiveTests {
    /// Orders of an on-sale that sold its hundred standing places: sold and captured, refunded, expired; ids from 100 on.
    private func sell(_ room: RoomFixture) async throws {
        try await room.postgres.simple(
            """
            INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                expires_at, hold_ends_at, attempt, held_at, ended_at)
            SELECT 100 + n, \(room.onSale.rawValue), n, 'floor', 2, '{}', 6000, 'EUR',
                CASE WHEN n <= 50 THEN 'sold' WHEN n <= 60 THEN 'refunded' ELSE 'expired' END,
                usher_now(), usher_now(), CASE WHEN n <= 60 THEN 1 ELSE 0 END, usher_now(), usher_now()
            FROM generate_series(1, 80) AS n;
            INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                created_at, updated_at)
            SELECT id, 1, on_sale_id, 'pay_' || id, 'card', total, currency,
                CASE state WHEN 'sold' THEN 'captured' ELSE 'refunded' END, usher_now(), usher_now()
            FROM reservations WHERE attempt = 1;
            UPDATE tiers SET free = 0, sold = 100 WHERE id = 'floor';
            INSERT INTO admissions (admission_id, on_sale_id, arrival, number, admitted_at, expires_at)
            OVERRIDING SYSTEM VALUE
            SELECT n, \(room.onSale.rawValue), n, n, usher_now(), usher_now() FROM generate_series(1, 80) AS n;
            SELECT setval('job_ids', 1000);
            """
        )
    }

    /// Ends the on-sale, lets days pass, and begins a new range, so that the first is full.
    private func end(_ room: RoomFixture, daysAgo days: Int) async throws {
        try await room.postgres.execute(
            Query(
                "test.end",
                "UPDATE on_sales SET state = 'closed' WHERE on_sale_id = \(room.onSale.rawValue)"
            )
        )
        try await turn(room)
        try await room.pass(.seconds(days * 86_400 + 8000))
    }

    private func turn(_ room: RoomFixture) async throws {
        try await room.postgres.simple(
            """
            SELECT turn_job_range('1 day');
            UPDATE sequence_spans SET began_at = began_at - interval '2 days';
            """
        )
        let turned: Bool = try await room.postgres.query(
            Query("test.turn", "SELECT turn_job_range(interval '1 day')")
        )[0][0]
        #expect(turned)
        _ = try await Upkeep.makeParts(in: room.postgres)
    }

    private func move(_ room: RoomFixture, _ range: Int64 = 0) async throws -> OrderArchive.Move {
        try await room.postgres.withTransaction { tx in
            try await OrderArchive.move(range, keepDays: 90, in: tx)
        }
    }

    private func orders(_ room: RoomFixture) async throws -> [OrderRecord] {
        var all: [OrderRecord] = []
        try await OrderRecord.each(of: room.onSale, in: room.postgres) { all += $0 }
        return all
    }

    private func offenders(_ room: RoomFixture) async throws -> [String] {
        var offenders: [String] = []
        for check in StockAudit.checks { offenders += try await check.offenders(in: room.postgres) }
        return offenders
    }

    @Test func `Orders of on-sales that are over go to the archive as a whole, and the books still balance`()
        async throws
    {
        try await RoomFixture.with { room in
            try await sell(room)
            #expect(try await offenders(room) == [])
            let before = try await orders(room)
            #expect(before.count == 80 && before.allSatisfy { !$0.archived })
            #expect(before.first?.payment == "pay_101")
            try await end(room, daysAgo: 91)

            let report = try await run(room, keepDays: 90)
            #expect(report.archived == [0] && report.orders == 80)
            let live: Int64 = try await room.postgres.query(
                Query(
                    "test.live",
                    "SELECT (SELECT count(*) FROM reservations) + (SELECT count(*) FROM payments)"
                )
            )[0][0]
            #expect(live == 0)
            let after = try await orders(room)
            #expect(after.map(\.reservation) == before.map(\.reservation))
            #expect(
                after.map(\.state) == before.map(\.state) && after.map(\.payment) == before.map(\.payment)
            )
            #expect(after.filter(\.archived).count == 80)
            #expect(try await offenders(room) == [])
            let certificate = try #require(
                try await FairnessCertificate.read(room.onSale, in: room.postgres)
            )
            #expect(certificate.tiers.first { $0.id == "floor" }?.sold == 100)
            #expect(try await OrderArchive.ranges(in: room.postgres).map(\.state) == [.packed, .live, .live])
            // Once more changes nothing.
            #expect(try await run(room, keepDays: 90) == ArchiveOrders.Report())
        }
    }

    @Test func `What is not over stays, and the reason is told`() async throws {
        try await RoomFixture.with { room in
            try await sell(room)
            let client = room.postgres
            #expect(try await move(room) == .kept("it is still being filled"))
            try await turn(room)
            let notOver = OrderArchive.Move.kept(
                "on-sale \(room.onSale.rawValue) is not over for long enough"
            )
            #expect(try await move(room) == notOver, "it has not even begun")
            try await room.pass(.seconds(100 * 86_400))
            #expect(try await move(room) == notOver, "it was never closed")
            try await client.execute(Query("test.end", "UPDATE on_sales SET state = 'cancelled'"))
            try await room.onSales.setMessage(room.onSale, "A word.", by: "test")
            #expect(try await move(room) == notOver, "somebody did something lately")
            try await room.pass(.seconds(8 * 86_400))
            try await client.execute(
                Query("test.hold", "UPDATE reservations SET state = 'held' WHERE id = 180")
            )
            #expect(try await move(room) == .kept("reservation 180 has not ended"))
            try await client.execute(
                Query("test.expire", "UPDATE reservations SET state = 'expired' WHERE id = 180")
            )
            try await client.execute(
                Query("test.case", "UPDATE payments SET state = 'needs_person' WHERE reservation_id = 110")
            )
            #expect(try await move(room) == .kept("the payment of reservation 110 is not settled"))
            #expect(try await move(room, 7) == .kept("there is no such range"))
            try await client.execute(
                Query("test.settle", "UPDATE payments SET state = 'captured' WHERE reservation_id = 110")
            )
            #expect(try await move(room) == .archived)
            #expect(try await move(room) == .archived, "asked again")
        }
    }

    @Test func `A range that is being read is left for later, and nobody waits behind it`() async throws {
        try await RoomFixture.with { room in
            try await sell(room)
            try await end(room, daysAgo: 91)
            let client = room.postgres
            try await client.withTransaction { reader in
                _ = try await reader.query(Query("test.read", "SELECT count(*) FROM payments"))
                #expect(try await move(room) == .busy)
                // The locks that it had by then are gone.
                let row = try await client.first(
                    Query(
                        "test.locks",
                        """
                        SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                        WHERE l.mode = 'AccessExclusiveLock' AND c.relnamespace = current_schema()::regnamespace
                        """
                    )
                )
                #expect(try row?[0] == 0)
            }
            #expect(try await move(room) == .archived)
        }
    }

    @Test func `An export finds an on-sale's orders by index, and in the archive by a BRIN`() async throws {
        try await RoomFixture.with { room in
            let client = room.postgres
            try await client.simple(
                """
                INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                    expires_at, hold_ends_at, held_at, ended_at)
                SELECT n, 1000 + n % 300, n, 'floor', 2, '{}', 6000, 'EUR', 'sold', now(), now(), now(), now()
                FROM generate_series(1, 40000) AS n;
                SELECT setval('job_ids', 40000);
                """
            )
            try await turn(room)
            try await room.pass(.seconds(100 * 86_400))
            #expect(try await move(room) == .archived)
            #expect(try await OrderArchive.pack(0, in: client) == 40_000)
            try await client.simple(
                """
                INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                    expires_at, hold_ends_at, held_at, ended_at)
                SELECT 5000000 + n, 1000 + n % 300, n, 'floor', 2, '{}', 6000, 'EUR', 'sold', now(), now(), now(), now()
                FROM generate_series(1, 40000) AS n;
                ANALYZE reservations, archived_reservations;
                """
            )
            let lines: [String] = try await client.withTransaction { tx in
                try await tx.query(OrderRecord.declare(OnSaleID(rawValue: 1007)).explained()).map {
                    try $0[0]
                }
            }
            let plan = lines.joined(separator: "\n")
            for index in ["archived_reservations_0_by_on_sale", "reservations_1_by_admission"] {
                #expect(plan.contains(index), "\(plan)")
            }
            for table in ["reservations_1", "archived_reservations_0"] {
                #expect(!plan.contains("Seq Scan on \(table)"), "\(plan)")
            }
        }
    }

    @Test func `What was archived is not refunded any more`() async throws {
        try await RoomFixture.with { room in
            try await sell(room)
            try await JobStore(postgres: room.postgres).ensureQueue(RefundReservation.queue)
            try await end(room, daysAgo: 91)
            #expect(try await move(room) == .archived)
            await #expect(throws: Reservations.Refusal.unknown) {
                try await room.onSales.refund(ReservationID(rawValue: 101), by: "test", reason: nil)
            }
        }
    }

    @Test func `Orders that were there before the tables had parts are the first part`() async throws {
        try await withEmptyDatabase { database in
            let (client, schema) = (database.client, database.schema)
            let older = Migrations.all.filter { $0.number < 57 }
            try await Migrator(client, schema: schema, migrations: older).migrate()
            try await client.simple(
                """
                SELECT setval('job_ids', 7000000), ensure_job_range(2);
                INSERT INTO reservations (id, on_sale_id, admission_id, tier, quantity, seats, total, currency, state,
                    expires_at, hold_ends_at, held_at)
                SELECT id, 1, 1, 'floor', 1, '{}', 1, 'EUR', 'held', now(), now(), now()
                FROM unnest(ARRAY[5, 6999999]) AS n (id);
                INSERT INTO notifications (kind, recipient, payload, dedupe_key, created_at)
                VALUES ('sold', 'r', '{}', 'sold:1', now());
                INSERT INTO audit_entries SELECT 1, 1, '2025-01-31', 'a', 'b', '{}', 'x';
                """
            )
            try await Migrator(client, schema: schema).migrate()
            let parts = try await client.query(
                Query("test.parts", "SELECT tableoid::regclass::text FROM reservations ORDER BY id")
            )
            #expect(
                try parts.map { try $0[0] as String }.map { $0.hasSuffix("reservations_1") } == [true, true]
            )
            #expect(try await OrderArchive.ranges(in: client).map(\.range) == [1, 2])
            // Old keys still count.
            let fresh = try await client.query(
                Query(
                    "test.tell",
                    "SELECT * FROM write_notifications('{a,b}', '{r,r}', '{1,2}', '{sold:1,sold:2}', '{NULL,NULL}')"
                )
            )
            #expect(try fresh.map { try $0[0] as String } == ["sold:2"])
            let month: String = try await client.query(
                Query("test.month", "SELECT tableoid::regclass::text FROM audit_entries")
            )[0][0]
            #expect(month.hasSuffix("audit_entries_2025_01"))
        }
    }

    /// Archives by a worker, as the night does.
    private func run(_ room: RoomFixture, keepDays: Int) async throws -> ArchiveOrders.Report {
        var registry = WorkflowRegistry()
        registry.register(ArchiveOrders(postgres: room.postgres))
        let worker = JobWorker(
            postgres: room.postgres,
            registry: registry,
            configuration: WorkerConfiguration(queues: ["default"], pollInterval: .milliseconds(20)),
            logger: Logger(label: "test", level: .error)
        )
        let client = WorkflowClient(postgres: room.postgres)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            defer { worker.stop() }
            let run = try await client.start(ArchiveOrders.self, ArchiveOrders.Input(keepDays: keepDays))
            while true {
                if let report = try await client.result(of: run, ArchiveOrders.self) { return report }
                _ = try await room.postgres.query(Query("test.pause", "SELECT pg_sleep(0.02)"))
            }
        }
    }
}
