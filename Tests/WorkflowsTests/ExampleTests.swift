import Jobs
import JobsTesting
import Postgres
import Reactor
import TestSupport
import Testing
import Workflows

@testable import OrderExample
@testable import PipelineExample
@testable import SubscriptionExample

/// The examples' workflows, on their good days and on their bad ones, and the programs that show them.
@Suite(.timeLimit(.minutes(5)))
struct ExampleTests {
    // MARK: An order

    /// Writes down what it is asked for.
    private final class Ledger: Sendable {
        private let state = Lock<[String]>([])
        var lines: [String] { state.withLock { $0 } }
        func write(_ line: String) { state.withLock { $0.append(line) } }
    }

    private struct TestShop: Shop {
        let ledger: Ledger

        func charge(_ order: Order.Request, _ key: String) async throws -> String {
            ledger.write("charge \(order.cents)")
            return "payment"
        }

        func refund(_ payment: String, _ key: String) async throws { ledger.write("refund \(payment)") }

        func ship(_ order: Order.Request, packedBy packer: String, _ key: String) async throws -> String {
            ledger.write("ship, says \(packer)")
            return "parcel"
        }
    }

    private static let request = Order.Request(customer: "Ada", item: "lamp", quantity: 2, cents: 4500)

    private func withShop(
        _ failures: ScriptedFailures = ScriptedFailures(),
        _ body: @Sendable (TestDatabase, WorkflowTester, Ledger) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE stock (item text, free bigint CHECK (free >= 0))")
            try await database.create("INSERT INTO stock VALUES ('lamp', 10), ('chair', 4)")
            let ledger = Ledger()
            var registry = WorkflowRegistry()
            registry.register(Order(shop: TestShop(ledger: ledger)))
            let tester = WorkflowTester(postgres: database.client, registry: registry, failures: failures)
            try await body(database, tester, ledger)
            // The lamps are sold, the chairs are nobody's business.
            #expect(try await free("chair", database) == 4)
            #expect(failures.pending == [])
        }
    }

    private func free(_ item: String, _ database: TestDatabase) async throws -> Int64 {
        try await database.client.query(Query("t_free", "SELECT free FROM stock WHERE item = \(item)"))[0][0]
    }

    @Test func `An order is reserved, charged, packed and shipped, though workers die over each`()
        async throws
    {
        let failures = ScriptedFailures()
        for moment in [ScriptedFailures.Moment.before, .after, .afterCommit] {
            failures.crash(moment, of: "reserve")
        }
        failures.crash(.before, of: "charge")
        failures.crash(.afterCommit, of: "charge")
        failures.fail("ship", times: 2, with: JobVerdict.retry(after: .seconds(60)))
        try await withShop(failures) { database, tester, ledger in
            let run = try await tester.client.start(Order.self, Self.request)
            try await tester.drain()
            #expect(try await free("lamp", database) == 8)
            #expect(ledger.lines == ["charge 4500"])
            _ = try await tester.client.send(Order.packed, "Pat", to: run)
            try await tester.finish(run)
            #expect(try await tester.client.result(of: run, Order.self) == "parcel")
            #expect(ledger.lines == ["charge 4500", "ship, says Pat"])
            #expect(try await free("lamp", database) == 8)
        }
    }

    @Test func `An order for more than there is takes nothing`() async throws {
        try await withShop { database, tester, ledger in
            var request = Self.request
            request.quantity = 11
            let parcel = try await tester.run(Order.self, request)
            #expect(parcel == nil)
            #expect(try await free("lamp", database) == 10)
            #expect(ledger.lines == [])
        }
    }

    @Test(arguments: ["charge", "ship"])
    func `What was done for an order is undone when a later part is refused`(part: String) async throws {
        let failures = ScriptedFailures()
        failures.fail(part, with: JobVerdict.discard("refused"))
        // And undoing survives what doing does.
        failures.crash(.afterCommit, of: "undo:reserve/put back")
        if part == "ship" { failures.fail("undo:charge/refund", with: JobVerdict.retry(after: .seconds(60))) }
        try await withShop(failures) { database, tester, ledger in
            let run = try await tester.client.start(Order.self, Self.request)
            _ = try await tester.client.send(Order.packed, "Pat", to: run)
            let job = try await tester.finish(run)
            #expect(job.state == .failed)
            #expect(job.error?.contains("refused") == true)
            #expect(try await free("lamp", database) == 10)
            #expect(ledger.lines == (part == "ship" ? ["charge 4500", "refund payment"] : []))
        }
    }

    @Test func `An order that nobody packs for two days is undone`() async throws {
        try await withShop { database, tester, ledger in
            let run = try await tester.client.start(Order.self, Self.request)
            let job = try await tester.finish(run)
            #expect(job.state == .failed)
            #expect(job.error?.contains("nobody packed it") == true)
            #expect(try await free("lamp", database) == 10)
            #expect(ledger.lines == ["charge 4500", "refund payment"])
        }
    }

    @Test func `A cancelled order is undone`() async throws {
        try await withShop { database, tester, ledger in
            let run = try await tester.client.start(Order.self, Self.request)
            try await tester.drain()
            #expect(try await free("lamp", database) == 8)
            #expect(try await tester.client.cancel(run))
            try await tester.drain()
            #expect(try await tester.client.watch(run).state == .cancelled)
            #expect(try await free("lamp", database) == 10)
            #expect(ledger.lines == ["charge 4500", "refund payment"])
        }
    }

    // MARK: A document

    private func withReader(
        _ failures: ScriptedFailures = ScriptedFailures(),
        _ body: @Sendable (TestDatabase, WorkflowTester) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE documents (name text, text text, words bigint)")
            try await database.create(
                "CREATE TABLE pages (document text, number bigint, text text, words bigint, PRIMARY KEY (document, number))"
            )
            try await database.create(
                """
                INSERT INTO documents (name, text)
                SELECT 'book', string_agg(repeat('word ', n), chr(12) ORDER BY n) FROM generate_series(1, 60) AS n
                """
            )
            try await database.create("INSERT INTO documents (name, text) VALUES ('other', 'not this one')")
            var registry = WorkflowRegistry()
            registry.register(ReadDocument())
            registry.register(
                ReadPage { text, _ in
                    let words = text.split(separator: " ").count
                    if words == 7 || words == 50 { throw JobVerdict.discard("blotted") }
                    return words
                }
            )
            try await body(
                database,
                WorkflowTester(postgres: database.client, registry: registry, failures: failures)
            )
        }
    }

    @Test func `A document's pages are read side by side, each kept once, and summed up`() async throws {
        let failures = ScriptedFailures()
        failures.crash(.after, of: "take apart")
        failures.crash(.afterCommit, of: "take apart")
        failures.crash(.after, of: "fetch", times: 2)
        failures.crash(.after, of: "read", times: 3)
        failures.crash(.after, of: "keep", times: 2)
        failures.fail("read", times: 4, with: JobVerdict.retry(after: .seconds(60)))
        failures.crash(.after, of: "sum up")
        try await withReader(failures) { database, tester in
            let summary = try await tester.run(ReadDocument.self, "book")
            // Page n has n words.
            let words = 60 * 61 / 2 - 7 - 50
            #expect(summary == ReadDocument.Summary(pages: 60, words: words, unreadable: [7, 50]))
            #expect(failures.pending == [])
            let row = try await database.client.query(
                Query("t_pages", "SELECT count(*), count(words), sum(words)::bigint FROM pages")
            )[0]
            let kept: (Int64, Int64, Int64) = (try row[0], try row[1], try row[2])
            #expect(kept == (60, 58, Int64(words)))
            let total = try await database.client.query(
                Query("t_documents", "SELECT words FROM documents ORDER BY name")
            ).map { try $0[0] as Int64? }
            #expect(total == [Int64(words), nil])
        }
    }

    @Test func `A document without pages is summed up, too`() async throws {
        try await withReader { _, tester in
            let summary = try await tester.run(ReadDocument.self, "no such document")
            #expect(summary == ReadDocument.Summary(pages: 0, words: 0, unreadable: []))
        }
    }

    // MARK: A subscription

    private struct Declined: Error {}

    private func withMembers(
        _ failures: ScriptedFailures = ScriptedFailures(),
        _ body: @Sendable (TestDatabase, WorkflowTester, Ledger) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE members (customer text PRIMARY KEY, is_open boolean)")
            try await database.create("INSERT INTO members VALUES ('Grace', true)")
            let ledger = Ledger()
            var registry = WorkflowRegistry()
            registry.register(Subscription { customer, cents, _ in ledger.write("\(customer) \(cents)") })
            let tester = WorkflowTester(postgres: database.client, registry: registry, failures: failures)
            try await body(database, tester, ledger)
            #expect(failures.pending == [])
            #expect(try await members(database).contains("Grace t"))
        }
    }

    private func members(_ database: TestDatabase) async throws -> [String] {
        try await database.client.query(
            Query("t_members", "SELECT customer || ' ' || left(is_open::text, 1) FROM members ORDER BY 1")
        ).map { try $0[0] }
    }

    private static let month = Duration.seconds(30 * 86_400)

    @Test func `A subscription is paid for each month, across years, until it is cancelled`() async throws {
        try await withMembers { database, tester, ledger in
            let terms = Subscription.Terms(customer: "Ada", cents: 900)
            let run = try await tester.client.start(Subscription.self, terms)
            try await tester.drain()
            for month in 1...14 {
                #expect(ledger.lines.count == month - 1)
                try await tester.advance(by: Self.month + .seconds(1))
                try await tester.drain()
                // The new year's run begins a little later.
                if month == 12 {
                    try await tester.advance(by: .seconds(1))
                    try await tester.drain()
                }
            }
            #expect(ledger.lines == Array(repeating: "Ada 900", count: 14))
            #expect(try await members(database) == ["Ada t", "Grace t"])
            // The second year's history is all there is.
            let kept: Int64 = try await database.client.query(
                Query(
                    "t_checkpoints",
                    """
                    SELECT count(*) FROM checkpoints c JOIN jobs j ON j.id = c.job_id AND j.generation = c.generation
                    WHERE c.key LIKE 'charge%'
                    """
                )
            )[0][0]
            #expect(kept == 2)
            _ = try await tester.client.send(Subscription.cancel, "moved", to: run)
            try await tester.finish(run)
            #expect(try await tester.client.result(of: run, Subscription.self) == 14 * 900)
            #expect(try await members(database) == ["Ada f", "Grace t"])
        }
    }

    @Test func `A price changes from the month it is asked for on, and a bad one is refused`() async throws {
        try await withMembers { database, tester, ledger in
            let run = try await tester.client.start(
                Subscription.self,
                Subscription.Terms(customer: "Ada", cents: 900)
            )
            try await tester.drain()
            try await tester.skip()
            try await tester.drain()
            #expect(ledger.lines == ["Ada 900"])
            let refusal = Task { try await tester.client.update(Subscription.changePrice, -1, of: run) }
            try await arrived(1, database)
            try await tester.drain()
            await #expect(throws: UpdateRefused("a month costs more than -1 cents")) {
                try await refusal.value
            }
            async let reply = tester.client.update(Subscription.changePrice, 1200, of: run)
            try await arrived(2, database)
            try await tester.drain()
            let answer = try await reply
            #expect(answer == "1200 cents from this month on")
            try await tester.skip()
            try await tester.drain()
            #expect(ledger.lines == ["Ada 900", "Ada 1200"])
            _ = try await tester.client.send(Subscription.cancel, "too dear", to: run)
            try await tester.finish(run)
            #expect(try await tester.client.result(of: run, Subscription.self) == 2100)
        }
    }

    private func arrived(_ updates: Int64, _ database: TestDatabase) async throws {
        _ = try await database.eventually("\(updates) updates have arrived") {
            try await database.count("events") == updates ? true : nil
        }
    }

    @Test func `A card that is declined is tried again, and the door closes when it never pays`() async throws
    {
        let failures = ScriptedFailures()
        failures.fail("charge", times: 3, with: Declined())
        failures.fail("charge#2", times: 4, with: Declined())
        try await withMembers(failures) { database, tester, ledger in
            let run = try await tester.client.start(
                Subscription.self,
                Subscription.Terms(customer: "Ada", cents: 900)
            )
            try await tester.drain()
            try await tester.advance(by: Self.month + .seconds(1))
            try await tester.drain()
            #expect(failures.happened == 1)
            // Three days later, and again; then it pays.
            for _ in 1...3 {
                #expect(ledger.lines == [])
                try await tester.advance(by: .seconds(3 * 86_400 + 1))
                try await tester.drain()
            }
            #expect(ledger.lines == ["Ada 900"])
            #expect(try await members(database) == ["Ada t", "Grace t"])
            let job = try await tester.finish(run)
            #expect(job.state == .failed)
            #expect(failures.happened == 7)
            #expect(ledger.lines == ["Ada 900"])
            #expect(try await members(database) == ["Ada f", "Grace t"])
        }
    }

    // MARK: The programs

    @Test(arguments: [
        ("OrderExample", "of 10 lamps 9 are left"), ("PipelineExample", "nobody could read: page 13"),
        ("SubscriptionExample", "0 of 2 members may come in"),
    ])
    func `Each example runs as a program, and says what it did`(name: String, last: String) async throws {
        try await withEmptyDatabase { database in
            let program = try ChildProgram(
                name,
                environment: ["USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema]
            )
            _ = try await database.eventually("\(name) ends") { program.isOver ? true : nil }
            #expect(program.lines.last == last, "\(program.lines.joined(separator: "\n"))")
            #expect(program.status == 0)
        }
    }
}
