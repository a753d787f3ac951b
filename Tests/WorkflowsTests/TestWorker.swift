import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Worker
import Workflows

/// A worker and a scheduler that run while a test's body does.
func withWorker<Result: Sendable>(
    _ database: TestDatabase,
    _ registry: WorkflowRegistry,
    queues: [String] = ["default"],
    tracer: Tracer? = nil,
    _ body: (JobWorker) async throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test", level: .error)
    let worker = JobWorker(
        postgres: database.client,
        registry: registry,
        configuration: WorkerConfiguration(
            queues: queues,
            capacity: 64,
            pollInterval: .milliseconds(20),
            heartbeatInterval: .milliseconds(200)
        ),
        logger: logger,
        tracer: tracer
    )
    let scheduler = JobScheduler(
        postgres: database.client,
        name: "test",
        configuration: SchedulerConfiguration(promoteInterval: .milliseconds(10)),
        logger: logger
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { await scheduler.run() }
        let answer: Swift.Result<Result, any Error>
        do {
            answer = .success(try await body(worker))
        } catch {
            answer = .failure(error)
        }
        worker.stop()
        scheduler.stop()
        try await group.waitForAll()
        return try answer.get()
    }
}

/// A scheduler that runs while a test's body does, and nothing else.
func withScheduler(_ database: TestDatabase, _ body: () async throws -> Void) async throws {
    let scheduler = JobScheduler(
        postgres: database.client,
        name: "test",
        configuration: SchedulerConfiguration(promoteInterval: .milliseconds(10)),
        logger: Logger(label: "test", level: .error)
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await scheduler.run() }
        defer { scheduler.stop() }
        try await body()
    }
}

extension TestDatabase {
    /// Waits until a run has ended, then tells how.
    func ended(_ run: JobID) async throws -> JobRecord {
        let store = JobStore(postgres: client)
        return try await eventually("run \(run) ends") {
            guard let job = try await store.job(run), job.state.isTerminal else { return nil }
            return job
        }
    }

    /// Waits until a run stands in a state.
    func reached(_ state: JobState, _ run: JobID) async throws {
        let store = JobStore(postgres: client)
        _ = try await eventually("run \(run) is \(state)") {
            let job = try await store.job(run)
            return job?.state == state ? true : nil
        }
    }

    /// Asks until there is an answer; the server does the waiting.
    func eventually<Answer>(
        _ what: String,
        _ look: () async throws -> Answer?
    ) async throws -> Answer {
        for _ in 0..<4000 {
            if let answer = try await look() { return answer }
            _ = try await client.query(Query("test_pause", "SELECT pg_sleep(0.005)"))
        }
        throw NeverHappened(what: what)
    }

    /// Moves the database's clock.
    func shiftClock(_ seconds: Double) async throws {
        try await client.execute(
            Query("test_shift", "UPDATE clock SET shift = shift + make_interval(secs => \(seconds))")
        )
    }

    /// Makes it the tenth of the next month, however long the months are and whatever day it is.
    func shiftClockToNextMonth() async throws {
        try await client.execute(
            Query(
                "test_next_month",
                """
                UPDATE clock SET shift =
                    shift + (date_trunc('month', usher_now()) + interval '1 month 9 days' - usher_now())
                """
            )
        )
    }

    func count(_ table: String) async throws -> Int64 {
        try await client.query(Query("test_count", "SELECT count(*) FROM \(identifier: table)"))[0][0]
    }

    func create(_ sql: SQL) async throws {
        try await client.execute(Query("test_create", sql))
    }
}

struct NeverHappened: Error, CustomStringConvertible {
    let what: String
    var description: String { "it never happened that \(what)" }
}
