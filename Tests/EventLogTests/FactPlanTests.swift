import Postgres
import TestSupport
import Testing

@testable import EventLog

/// No statement of the event log reads more than it must, however long the log is.
@Suite(.timeLimit(.minutes(5)))
struct FactPlanTests {
    private static let plans = [
        StatementPlan("facts.append", []),
        // A page of it, and of a busy log's those of other parts in between.
        StatementPlan("facts.page", ["facts_pkey"], rows: 600, parts: 1),
        StatementPlan("consumers.view", ["facts_pkey"], rows: 60),
    ]

    private static let excused: [String: [String]] = [
        "reads a sequence and a snapshot": ["facts.horizon"],
        "calls a function that looks at some twenty facts by their number": ["facts.before"],
        "its table has a row for each part of the log": ["facts.start"],
        "calls a function that makes or drops whole partitions": [
            "facts.extend", "facts.turn", "facts.ahead", "facts.drop",
        ],
        "its table has a row for each slot, publication or setting": [
            "capture.database", "capture.drop", "capture.publication", "capture.publish", "capture.slot",
            "capture.unpublish", "capture.wal_level",
        ],
        "reads a sequence and a snapshot, with the place in the server's log": ["capture.horizon"],
        "writes a message into the server's log": ["capture.push"],
        "its tables have a row for each capture": [
            "capture.claim", "capture.find", "capture.make_consumer", "capture.make_cursor", "capture.move",
            "capture.others", "capture.remove", "capture.renew", "capture.skip",
        ],
        "its tables have a row for each consumer, part or member": [
            "cursors.register", "cursors.member", "cursors.renew", "cursors.take", "cursors.held",
            "cursors.give_back", "cursors.leave", "cursors.fail", "cursors.lock", "cursors.replay",
            "cursors.drop", "cursors.move", "consumers.digest",
            "cursors.has_come", "cursors.is_level", "cursors.names",
        ],
    ]

    private struct Counter: FactConsumer {
        let name = "counter"
    }

    @Test func `Every statement has its plan, or a reason to have none`() throws {
        let known = Self.plans.map(\.name) + Self.excused.values.flatMap(\.self)
        let names = try SourceStatements.names(in: "EventLog")
        #expect(names.subtracting(known).sorted() == [], "neither planned nor excused")
        #expect(Set(known).subtracting(names).sorted() == [], "no longer there")
    }

    @Test func `Every statement finds its rows by its indexes, among thousands`() async throws {
        try await withDatabase { database in
            // Twenty thousand of the past, and as many in the part of today.
            let fill = Query(
                "seed.facts",
                """
                INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                SELECT n % 50, usher_now() - interval '1 hour', 'test.counted', '{}' FROM generate_series(1, 20000) AS n
                """
            )
            try await database.client.execute(fill)
            try await database.client.execute(
                Query("seed.far", "SELECT setval('fact_ids', fact_range_size() - 1)")
            )
            try await database.client.execute(fill)
            try await database.client.execute(Query("seed.analyze", "ANALYZE"))
            let log = PlanLog()
            var configuration = database.configuration
            configuration.plans = log
            let client = PostgresClient(configuration, loops: database.loops, pool: .init(maximum: 2))
            let (facts, cursors) = (FactLog(postgres: client), FactCursors(postgres: client))
            try await client.pipeline(FactDraft.append([FactLogTests.draft(7, 1), FactLogTests.draft(8, 2)]))
            let middle: Int64 = 1_010_000
            _ = try await facts.page(after: middle, through: .max, limit: 100)
            _ = try await facts.page(after: middle, through: .max, part: (1, 4), limit: 100)
            _ = try await facts.page(after: middle, through: .max, onSales: [7, 8], limit: 10)
            try await cursors.register("counter", parts: 4)
            let parts = try await cursors.assign("counter", to: "m", lease: .seconds(10))
            #expect(parts.count == 4)
            let isMoved = try await client.withTransaction {
                try await FactCursors.move(parts[0], of: "counter", to: middle, in: $0)
            }
            #expect(isMoved)
            _ = try await ConsumerView.all(in: client)
            for plan in Self.plans {
                let complaints = try plan.complaints(log.entries, growing: ["facts"])
                #expect(complaints.isEmpty, "\(complaints.first ?? "")")
            }
            await client.shutdown()
        }
    }
}
