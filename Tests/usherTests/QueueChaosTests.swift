import Glibc
import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import usher

/// Everything that can happen to a queue happens to it, one after the other in an order that a seed decides.
///
/// What counts is what clients were told: a job that was acknowledged must run, and one that ran more often than its
/// failures and its workers' deaths explain ran twice without cause. `USHER_CHAOS_ROUNDS` and `USHER_CHAOS_SEED` ask
/// for more of it and for the same again.
@Suite(.timeLimit(.minutes(60)))
struct QueueChaosTests {
    enum Fault: String, CaseIterable {
        case workerKilled, workerFrozenPastItsLease, backendsTerminated, serverCrashed, networkSilent,
            diskFull
        case heldByAnIdleTransaction
    }

    private static func setting(_ name: String) -> UInt64? {
        unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
    }

    @Test func `No fault loses a job or runs one twice without cause`() async throws {
        let rounds = Self.setting("USHER_CHAOS_ROUNDS") ?? 1
        for round in 0..<rounds {
            let seed = (Self.setting("USHER_CHAOS_SEED") ?? .random(in: 1...999_999)) + round
            try await TestCluster.with(settings: ["max_connections = 80", "autovacuum = on"]) { cluster in
                try await Round(cluster, seed: seed).run()
            }
        }
    }

    /// One round on a server of its own.
    private final class Round: Sendable {
        let cluster: TestCluster
        let seed: UInt64
        let url: String
        let postgres: PostgresClient
        let store: JobStore
        let proxy: TestProxy
        let acknowledged = Lock<[JobID]>([])

        init(_ cluster: TestCluster, seed: UInt64) throws {
            self.cluster = cluster
            self.seed = seed
            url = "postgresql://usher@127.0.0.1:\(cluster.port)/postgres"
            var configuration = try PostgresConfiguration(url: url)
            configuration.schema = "chaos"
            configuration.applicationName = "chaos driver"
            postgres = PostgresClient(
                configuration,
                loops: try TestLoops.shared.get(),
                pool: .init(maximum: 6)
            )
            store = JobStore(postgres: postgres)
            proxy = try TestProxy(to: cluster.port)
        }

        func run() async throws {
            var dice = SeededDice(seed: seed)
            try await Migrator(postgres, schema: "chaos").migrate()
            try await store.ensureQueue(WitnessJob.queue, lanes: 2)
            try await execute(
                """
                CREATE TABLE witness (
                    job_id bigint, attempt integer, process integer, at timestamptz DEFAULT clock_timestamp())
                """
            )
            let loop = try EventLoop(name: "chaos")
            defer { loop.stop() }
            let said = Lock<[String]>([])
            let supervisor = Supervisor(
                loop: loop,
                executable: BuiltProgram.path,
                environment: [
                    "PATH": "/usr/bin:/bin", "USHER_SCHEMA": "chaos", "USHER_LOG_LEVEL": "warning",
                ],
                line: { who, line in said.withLock { $0.append("[\(who)] \(line)") } },
                event: { text in said.withLock { $0.append(text) } }
            )
            let worker = ["bench", "worker", "--capacity", "40", "--connections", "4", "--database-url"]
            let proxied = "postgresql://usher@127.0.0.1:\(proxy.port)/postgres"
            await supervisor.want(2, of: .init(name: "worker", words: worker + [url], stopStage: 0))
            await supervisor.want(1, of: .init(name: "distant", words: worker + [proxied], stopStage: 0))
            let scheduler = ["scheduler", "--database-url", url]
            await supervisor.want(2, of: .init(name: "scheduler", words: scheduler, stopStage: 1))
            do {
                for fault in Fault.allCases.shuffled(using: &dice) {
                    try await enqueue(600, &dice)
                    try await suffer(fault, supervisor, &dice)
                    try await enqueue(100, &dice)
                    try await settle(after: fault)
                }
                try await judge()
            } catch {
                await supervisor.stop()
                Issue.record(
                    "seed \(seed): \(error)\n\(said.withLock { $0.suffix(60) }.joined(separator: "\n"))"
                )
                throw error
            }
            await supervisor.stop()
            await postgres.shutdown()
        }

        // MARK: Load

        private func enqueue(_ count: Int, _ dice: inout SeededDice) async throws {
            let jobs = (0..<count).map { _ in
                NewJob(
                    name: WitnessJob.name,
                    queue: WitnessJob.queue,
                    input: JSONB(text: "{\"milliseconds\":\(Int.random(in: 0...200, using: &dice))}")
                )
            }
            // What fails here was not acknowledged, and is tried again as something new.
            let ids = try await insist { try await store.enqueue(jobs) }
            acknowledged.withLock { $0 += ids }
        }

        private func insist<Value>(_ body: () async throws -> Value) async throws -> Value {
            var last: (any Error)?
            for _ in 0..<200 {
                do { return try await body() } catch {
                    last = error
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            throw last ?? CancellationError()
        }

        private func execute(_ sql: SQL) async throws {
            _ = try await insist { try await postgres.execute(Query("chaos", sql)) }
        }

        private func number(_ sql: SQL) async throws -> Int64 {
            try await insist { try await postgres.query(Query("chaos_number", sql))[0][0] }
        }

        /// Lets time pass while the fault stands.
        private func pass(_ seconds: Double) async throws {
            try await Task.sleep(for: .seconds(seconds))
        }

        // MARK: Faults

        private func suffer(
            _ fault: Fault,
            _ supervisor: Supervisor,
            _ dice: inout SeededDice
        ) async throws {
            let workers = await supervisor.running().filter { $0.key.group != "scheduler" }.map(\.value)
            try await pass(.random(in: 0.01...0.2, using: &dice))
            switch fault {
            case .workerKilled:
                if let victim = workers.sorted().randomElement(using: &dice) { kill(victim, SIGKILL) }
            case .workerFrozenPastItsLease:
                guard let victim = workers.sorted().randomElement(using: &dice) else { return }
                kill(victim, SIGSTOP)
                try await pass(7)
                kill(victim, SIGCONT)
            case .backendsTerminated:
                try await execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name <> 'chaos driver' AND backend_type = 'client backend'
                    """
                )
            case .serverCrashed:
                try await cluster.crash()
            case .networkSilent:
                proxy.mute()
                try await pass(8)
                proxy.cut()
            case .diskFull:
                try await execute(
                    """
                    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
                    """
                )
                for table in ["claims", "closures"] {
                    try await execute(
                        """
                        CREATE TRIGGER no_space BEFORE INSERT ON \(identifier: table)
                        FOR EACH ROW EXECUTE FUNCTION no_space()
                        """
                    )
                }
                try await pass(2)
                try await execute("DROP FUNCTION no_space() CASCADE")
            case .heldByAnIdleTransaction:
                try await postgres.withTransaction { tx in
                    try await tx.execute(Query("chaos_hold", "SELECT FROM claims FOR UPDATE SKIP LOCKED"))
                    try await tx.execute(
                        Query("chaos_hold_ready", "SELECT FROM ready_0 LIMIT 20 FOR UPDATE SKIP LOCKED")
                    )
                    try await pass(3)
                }
            }
        }

        // MARK: Judgement

        /// Waits until every acknowledged job has ended.
        private func settle(after fault: Fault) async throws {
            let start = MonotonicTime.now
            let ids = acknowledged.withLock { $0.map(\.rawValue) }
            while true {
                let left = try await number(
                    """
                    SELECT count(*) FROM jobs j WHERE j.id = ANY(\(ids))
                        AND standing(j.id, j.state, j.queue, j.rank) <> 'done'
                    """
                )
                if left == 0 { break }
                guard MonotonicTime.now - start < .seconds(90) else {
                    throw Stuck(fault: fault, jobs: left)
                }
                try await pass(0.1)
            }
            print("chaos seed \(seed): \(fault) over in \((MonotonicTime.now - start).seconds) s")
        }

        private func judge() async throws {
            let ids = acknowledged.withLock { $0.map(\.rawValue) }
            let lost = try await number(
                """
                SELECT count(*) FROM unnest(\(ids)) AS i (id)
                WHERE NOT EXISTS (SELECT FROM witness w WHERE w.job_id = i.id)
                """
            )
            #expect(lost == 0, "seed \(seed): jobs were acknowledged and never ran")
            let twice = try await number(
                """
                SELECT count(*) FROM (SELECT job_id, count(*) AS runs FROM witness GROUP BY job_id) w
                JOIN jobs j ON j.id = w.job_id WHERE w.runs > 1 + j.failures
                """
            )
            #expect(twice == 0, "seed \(seed): jobs ran more often than failures and deaths explain")
            for check in EngineAudit.checks {
                #expect(try await check.offenders(in: postgres) == [], "seed \(seed): \(check.name)")
            }
        }
    }

    struct Stuck: Error, CustomStringConvertible {
        let fault: Fault
        let jobs: Int64
        var description: String { "\(jobs) jobs have not ended a minute and a half after \(fault)" }
    }
}
