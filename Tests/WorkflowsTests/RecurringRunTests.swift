import Jobs
import Postgres
import Scheduler
import Telemetry
import Testing
import TestSupport
import Workflows

/// Closes the books of a month, and is not done at once.
private struct CloseBooks: Workflow {
    struct Ledger: Codable, Sendable {
        var name: String
        var at: String?
    }

    static var name: String { "close-books" }
    static var version: Int? { 3 }
    static var timeout: Duration? { .seconds(400 * 86_400) }

    func run(_ context: WorkflowContext, _ ledger: Ledger) async throws -> String {
        try await context.step("close") { tx in
            try await tx.execute(
                Query("t_close", "INSERT INTO closed (what) VALUES (\("\(ledger.name) \(ledger.at ?? "")"))")
            )
        }
        try await context.sleep(for: .seconds(86_400))
        return ledger.name
    }
}

@Suite(.timeLimit(.minutes(5)))
struct RecurringRunTests {
    @Test func `A recurring workflow is started once for each time, however many schedulers there are`()
        async throws
    {
        try await withDatabase(pool: .init(maximum: 8)) { database in
            try await database.create("CREATE TABLE closed (what text PRIMARY KEY)")
            var registry = WorkflowRegistry()
            registry.register(CloseBooks())
            let schedulers = (0..<3).map {
                JobScheduler(
                    postgres: database.client,
                    name: "s\($0)",
                    // Months pass, and what has ended is still to be looked at.
                    configuration: SchedulerConfiguration(retention: .seconds(400 * 86_400)),
                    logger: Logger(label: "test", level: .error)
                )
            }
            try await withWorker(database, registry) { _ in
                var monthly = try Recurrence(
                    name: "month end",
                    workflow: CloseBooks.self,
                    input: CloseBooks.Ledger(name: "main"),
                    rhythm: .cron(try CronExpression("@monthly"))
                )
                monthly.instantField = "at"
                try await monthly.save(on: database.client)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for scheduler in schedulers { group.addTask { await scheduler.run() } }
                    for month in 1...3 {
                        try await database.shiftClockToNextMonth()
                        _ = try await database.eventually("month \(month) is closed") {
                            try await database.count("closed") == Int64(month) ? true : nil
                        }
                    }
                    // And the last one's day is over.
                    try await database.shiftClock(2 * 86_400)
                    _ = try await database.eventually("all runs are done") {
                        let runs = try await self.started(database)
                        return runs.count == 3 && runs.allSatisfy { $0.state == "done" } ? true : nil
                    }
                    for scheduler in schedulers { scheduler.stop() }
                    try await group.waitForAll()
                }
            }
            let runs = try await started(database)
            #expect(runs.count == 3)
            #expect(runs.allSatisfy { $0.version == 3 && $0.isBounded })
            #expect(try await database.count("jobs") == 3)
            let closed = try await database.client.query(Query("t_closed", "SELECT what FROM closed")).map {
                try $0[0] as String
            }
            #expect(
                closed.allSatisfy { $0.hasPrefix("main 2") && $0.hasSuffix("-01T00:00:00Z") },
                "\(closed)"
            )
        }
    }

    private func started(
        _ database: TestDatabase
    ) async throws -> [(state: String, version: Int32?, isBounded: Bool)] {
        try await database.client.query(
            Query(
                "t_runs",
                """
                SELECT state::text, code_version, run_until IS NOT NULL FROM jobs
                WHERE name = 'close-books' ORDER BY id
                """
            )
        ).map { (try $0[0], try $0[1], try $0[2]) }
    }
}
