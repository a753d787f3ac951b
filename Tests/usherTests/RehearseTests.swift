import Foundation
import HTTP
import Postgres
import Reactor
import TestSupport
import Testing

@testable import usher

/// `usher rehearse` as a process, with plans whose outcome arithmetic knows.
@Suite(.timeLimit(.minutes(5)))
struct RehearseTests {
    /// A plan of one tier, whose room opens ten seconds before the start.
    private static func plan(
        rate: Int,
        limit: Int,
        capacity: Int = 30,
        more: String = ""
    ) -> String {
        """
        {"title": "Trial", "venue": "Hall", "city": "Leipzig", "currency": "EUR",
         "opens_at": "2020-03-05T08:59:50Z", "starts_at": "2020-03-05T09:00:00Z", "closes_at": "2020-03-05T10:00:00Z",
         "rate_per_minute": \(rate), "active_limit": \(limit), "turn_seconds": 3, "max_per_buyer": 2,
         "capacity": \(capacity), \(more)
         "tiers": [{"id": "floor", "name": "Floor", "price": 4500}],
         "sections": [{"id": "F", "tier": "floor", "standing": \(capacity)}]}
        """
    }

    /// A crowd that comes early and does as it should.
    private static let goodCrowd = [
        "--curve", "early", "--before", "100", "--no-show", "0", "--abandon", "0", "--conversion", "100",
        "--basket", "1",
    ]

    private func withPlan<Value>(
        _ plan: String,
        _ body: (String) async throws -> Value
    ) async throws -> Value {
        let directory = try FileSystem.makeTemporaryDirectory("usher-rehearse")
        // What stays lies in the system's directory for such things, and is no matter of this test.
        defer { try? FileSystem.remove(directory) }
        let path = "\(directory)/plan.json"
        try plan.write(toFile: path, atomically: true, encoding: .utf8)
        return try await body(path)
    }

    /// The report, and the name of the schema that it was made in.
    private func rehearse(
        _ plan: String,
        _ words: [String],
        on database: TestDatabase
    ) async throws -> (report: JSONValue, schema: String) {
        try await withPlan(plan) { path in
            let result = try await BuiltProgram.run(
                ["rehearse", "--plan", path, "--json"] + words,
                environment: ["USHER_DATABASE_URL": database.url]
            )
            #expect(result.status == 0, "\(result.errors)")
            let lines = result.output.split(separator: "\n")
            return (
                try JSONValue(parsing: Array((lines.last ?? "").utf8)),
                try Self.schema(in: String(lines.first ?? ""))
            )
        }
    }

    private static func schema(in line: String) throws -> String {
        String(try #require(line.firstMatch(of: #/in the schema (usher_rehearsal_\w+)/#)).1)
    }

    private func exists(_ schema: String, on database: TestDatabase) async throws -> Bool {
        try await database.client.query(
            Query("test.schema_there", "SELECT 1 FROM pg_namespace WHERE nspname = \(schema)")
        ).isEmpty == false
    }

    private func isFilled(
        _ table: String,
        of schema: String,
        on database: TestDatabase
    ) async throws -> Bool {
        let there = try await database.client.query(
            Query(
                "test.table_there",
                "SELECT 1 FROM pg_tables WHERE schemaname = \(schema) AND tablename = \(table)"
            )
        )
        guard !there.isEmpty else { return false }
        let name: SQL = "\(identifier: schema).\(identifier: table)"
        return try await !database.client.query(
            Query("test.table_filled", "SELECT 1 FROM \(fragment: name) LIMIT 1")
        ).isEmpty
    }

    @Test func `A sale that the rate bounds sells out when arithmetic says`() async throws {
        try await withEmptyDatabase { database in
            // One a second is called from the first second on, and buys at once; the next tick sees that it was all.
            let (report, schema) = try await rehearse(
                Self.plan(rate: 60, limit: 100),
                Self.goodCrowd + ["--buyers", "40", "--think", "0s", "--payment-seconds", "0"],
                on: database
            )
            #expect(report["sold_out_at"]?.int == 31)
            #expect(report["sold"]?.int == 30)
            #expect(report["wait_to_called"]?["p50"]?.int == 15)
            #expect(report["wait_to_sold"]?["p99"]?.int == 30)
            #expect(report["bottleneck"]?.string == "rate")
            #expect(report["peak_line"]?.int == 40)
            #expect(report["buyers"]?["bought"]?.int == 30)
            #expect(report["sold_per_minute"]?.array?.compactMap(\.int) == [30])
            #expect(try await !exists(schema, on: database))
        }
    }

    @Test func `The draw waits for beacon and secret as long as they take, or as long as it is allowed`()
        async throws
    {
        // The secret has twenty seconds, and the beacon's value comes after sixty or is waited for forty more.
        let terms = """
            "draw": {"commitment": "\(String(repeating: "ab", count: 32))", "reveal_seconds": 20,
             "beacon": {"announced": "the lottery", "at": "2020-03-05T09:01:00Z"}, "beacon_wait_seconds": 40},
            """
        let plan = Self.plan(rate: 600, limit: 50, more: terms)
        try await withEmptyDatabase { database in
            for (choice, seconds) in [("now", 0...2), ("prompt", 60...63), ("withheld", 100...103)] {
                let words = Self.goodCrowd + ["--buyers", "30", "--draw", choice]
                let report = try await rehearse(plan, words, on: database).report
                let drawn = try #require(report["drawn_at"]?.int, "\(report)")
                #expect(seconds.contains(Int(drawn)), "\(choice): \(drawn)")
                #expect(report["sold"]?.int == 30, "\(choice): \(report)")
            }
        }
    }

    @Test func `A rehearsal works through a pooler`() async throws {
        try await withEmptyDatabase { database in
            try await TestPooler.with(database) { pooler in
                let pooled = try database.through(pooler)
                let (report, schema) = try await rehearse(
                    Self.plan(rate: 600, limit: 100),
                    Self.goodCrowd + ["--buyers", "30", "--think", "1s", "--pooled"],
                    on: pooled
                )
                #expect(report["sold"]?.int == 30)
                #expect(try await !exists(schema, on: database))
                await pooled.client.shutdown()
            }
        }
    }

    @Test func `What bounds a sale is named: the limit, the stock, or that nobody waits`() async throws {
        try await withEmptyDatabase { database in
            let slow = Self.goodCrowd + ["--think", "8s", "--payment-seconds", "2"]
            let limit = try await rehearse(
                Self.plan(rate: 6000, limit: 2, capacity: 10),
                slow + ["--buyers", "30"],
                on: database
            ).report
            #expect(limit["bottleneck"]?.string == "limit")
            #expect(limit["peak_inside"]?.int == 2)
            // Each of ten visits takes five seconds at least, two at a time.
            #expect(try #require(limit["sold_out_at"]?.int) >= 25)
            let stock = try await rehearse(
                Self.plan(rate: 6000, limit: 1000, capacity: 10),
                slow + ["--buyers", "30"],
                on: database
            ).report
            #expect(stock["bottleneck"]?.string == "stock")
            let line = try await rehearse(
                Self.plan(rate: 6000, limit: 1000, capacity: 100),
                slow + ["--buyers", "5"],
                on: database
            ).report
            #expect(line["bottleneck"]?.string == "line")
            #expect(line["ended"]?.string == "nobody_left")
            #expect(line["sold_out_at"] == .null)
            #expect(line["tiers"]?.array?.first?["left"]?.int == 95)
        }
    }

    @Test func `The same seed brings the same report, and another seed another`() async throws {
        try await withEmptyDatabase { database in
            func outcome(_ seed: String) async throws -> [JSONValue.Member] {
                let words = [
                    "--buyers", "60", "--before", "100", "--conversion", "80", "--think", "5s", "--seed",
                    seed,
                ]
                let (report, _) = try await rehearse(
                    Self.plan(rate: 240, limit: 20, more: #""session_seconds": 30, "hold_seconds": 20,"#),
                    words,
                    on: database
                )
                guard case .object(let members) = report else { return [] }
                return members.filter { $0.name != "machine" && $0.name != "seed" }
            }
            let first = try await outcome("7")
            #expect(first.count > 10)
            #expect(try await outcome("7") == first)
            #expect(try await outcome("8") != first)
        }
    }

    @Test func `Where only members may join, strangers are turned away`() async throws {
        try await withEmptyDatabase { database in
            let plan = Self.plan(
                rate: 600,
                limit: 100,
                more: #""groups": [{"id": "fans", "priority": 1}], "invitation_only": true,"#
            )
            let words =
                Self.goodCrowd + ["--buyers", "20", "--members", "fans=12", "--think", "1s"]
                + ["--payment-seconds", "1"]
            let (report, _) = try await rehearse(plan, words, on: database)
            #expect(report["buyers"]?["joined"]?.int == 12)
            #expect(report["buyers"]?["turned_away"]?.int == 8)
            #expect(report["sold"]?.int == 12)
        }
    }

    /// How a rehearsal is ended early.
    enum Interruption: Sendable, CaseIterable {
        /// By a signal, while the schema is being made.
        case earlySignal
        /// By a signal, when buyers have joined.
        case signal
        /// By a table that is not there.
        case failure

        /// What has rows by then.
        var table: String { self == .earlySignal ? "clock" : "places" }
        var message: String {
            self == .failure
                ? "usher rehearse: " : "usher rehearse: ended by a signal; nothing of the rehearsal is left\n"
        }
    }

    @Test(arguments: Interruption.allCases)
    func `A rehearsal that is cut off leaves no schema behind`(by interruption: Interruption) async throws {
        try await withEmptyDatabase { database in
            try await withPlan(Self.plan(rate: 60, limit: 100)) { path in
                let process = Process()
                process.executableURL = URL(filePath: BuiltProgram.path)
                process.arguments = ["rehearse", "--plan", path, "--speed", "1"]
                process.environment = ["PATH": "/usr/bin:/bin", "USHER_DATABASE_URL": database.url]
                let output = Pipe()
                let errors = Pipe()
                process.standardOutput = output
                process.standardError = errors
                process.standardInput = FileHandle.nullDevice
                try process.run()
                let first = output.fileHandleForReading
                let line = try await Reactor.Thread.run(name: "first line") {
                    String(decoding: first.availableData, as: UTF8.self)
                }
                let schema = try Self.schema(in: line)
                while try await !isFilled(interruption.table, of: schema, on: database) {
                    try await database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
                }
                if interruption == .failure {
                    let places: SQL = "\(identifier: schema).places"
                    try await database.client.execute(
                        Query("test.rename", "ALTER TABLE \(fragment: places) RENAME TO elsewhere")
                    )
                } else {
                    process.terminate()
                }
                let said = errors.fileHandleForReading
                let message = try await Reactor.Thread.run(name: "last line") {
                    String(decoding: said.readDataToEndOfFile(), as: UTF8.self)
                }
                process.waitUntilExit()
                #expect(process.terminationStatus == 1)
                #expect(message.hasPrefix(interruption.message), "\(message)")
                #expect(try await !exists(schema, on: database))
            }
        }
    }

    @Test(arguments: [
        ([], 2, "--plan FILE is missing"),
        (["--plan", "no-such-plan.json"], 1, "there is no plan at no-such-plan.json; "),
        (["--plan", "PLAN", "--basket", "3"], 2, "--basket takes a number from 1 to 2, "),
        (["--plan", "PLAN", "--basket", "two"], 2, "--basket takes a number from 1 to 2, "),
        (["--plan", "PLAN", "--curve", "late"], 2, "--curve is one of burst, even, early, "),
        (["--plan", "PLAN", "--members", "fans"], 2, "--members takes GROUP=COUNT, as in fans=200, "),
        (["--plan", "PLAN", "--schema", "usher"], 2, "unknown option --schema; it takes --plan, "),
        (["--plan", "PLAN", "--no-show", "101"], 2, "--no-show takes a whole number from 0 to 100, "),
    ]) func `What can't be rehearsed is told in one line`(
        words: [String],
        status: Int32,
        message: String
    ) async throws {
        try await withPlan(Self.plan(rate: 60, limit: 10)) { path in
            let result = try await BuiltProgram.run(["rehearse"] + words.map { $0 == "PLAN" ? path : $0 })
            #expect(result.status == status)
            #expect(result.errors.hasPrefix("usher rehearse: " + message), "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count == 1)
            #expect(result.output.isEmpty)
        }
    }
}
