import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Worker
import Workflows

/// Workers, buyers and an enemy at the same shelves.
final class HistoryWorld: Sendable {
    /// What the enemy does.
    enum Fault: String, CaseIterable, Sendable {
        /// A session is cut off in the middle of whatever it does.
        case backendTerminated
        /// A worker's task is cancelled; nothing is handed back.
        case workerStopped
        /// A worker is declared dead, and goes on.
        case workerMadeZombie
    }

    static let sessions = "history"
    private static let skus = 6
    /// Runs that are under way at a time.
    private static let atOnce: Int64 = 2000
    private static let workers = 4

    private let database: TestDatabase
    private let seed: UInt64
    private let runs: Int
    private let store: JobStore
    private let due = Lock<[(at: MonotonicTime, run: JobID)]>([])
    private let enqueued = Lock<Bool>(false)
    private let isOver = Lock(false)
    /// How often each fault befell somebody.
    let faults = Lock<[Fault: Int]>([:])

    init(_ database: TestDatabase, runs: Int, seed: UInt64) {
        self.database = database
        self.runs = runs
        self.seed = seed
        store = JobStore(postgres: database.client)
    }

    /// Sells until every run has ended.
    func play() async throws {
        try await database.client.simple(
            """
            CREATE TABLE shelves (
                sku integer PRIMARY KEY, total bigint, free bigint, held bigint DEFAULT 0, sold bigint DEFAULT 0,
                version bigint DEFAULT 0) WITH (fillfactor = 50);
            CREATE TABLE history (
                sku integer, version bigint, run bigint, epoch integer, op text, quantity bigint, free bigint,
                held bigint, sold bigint, tx xid8 DEFAULT pg_current_xact_id());
            INSERT INTO shelves (sku, total, free)
            SELECT i, t, t FROM generate_series(1, \(Self.skus)) AS i, LATERAL (SELECT \(max(20, runs / Self.skus)) AS t) AS s;
            """
        )
        try await store.ensureQueue("default", lanes: 2)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.workers { group.addTask { [self] in try await work(number) } }
            group.addTask { [self] in try await schedule() }
            group.addTask { [self] in try await pay() }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await sell())
            } catch {
                outcome = .failure(error)
            }
            isOver.withLock { $0 = true }
            for try await _ in group {}
            try outcome.get()
        }
    }

    /// How many times as long everybody is left alone: where there is more to do, there is more time for faults.
    private var calm: Int { min(4, 1 + runs / 10_000) }

    private var over: Bool { isOver.withLock { $0 } }

    // MARK: The house

    private func client(_ connections: Int) throws -> PostgresClient {
        // Runs that go alone take the goods in any order; what collides is to be over soon.
        let separator = database.url.contains("?") ? "&" : "?"
        var configuration = try PostgresConfiguration(
            url: database.url + separator + "options=-c%20deadlock_timeout%3D20ms"
        )
        configuration.schema = database.schema
        configuration.applicationName = Self.sessions
        return PostgresClient(configuration, loops: database.loops, pool: .init(maximum: connections))
    }

    /// One worker after the other: when the enemy stops one, the next comes.
    private func work(_ number: Int) async throws {
        var dice = TestDice(seed: seed, stream: 100 + number)
        while !over {
            let postgres = try client(5)
            var registry = WorkflowRegistry()
            registry.register(Deal())
            let worker = JobWorker(
                postgres: postgres,
                registry: registry,
                configuration: WorkerConfiguration(
                    queues: ["default"],
                    capacity: 200,
                    pollInterval: .milliseconds(20),
                    heartbeatInterval: .milliseconds(200),
                    drainDeadline: .milliseconds(1)
                ),
                logger: Logger(label: "history", level: .error)
            )
            let life = MonotonicTime.now + .milliseconds(calm * Int.random(in: 2000...8000, using: &dice))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    // One that can't register, because its session was cut off, is followed by the next.
                    try? await worker.run()
                }
                while !over, MonotonicTime.now < life { await pause() }
                if !over { note(.workerStopped) }
                group.cancelAll()
                worker.stop()
            }
            await postgres.shutdown()
        }
    }

    private func schedule() async throws {
        let postgres = try client(6)
        let scheduler = JobScheduler(
            postgres: postgres,
            name: "history",
            configuration: SchedulerConfiguration(
                promoteInterval: .milliseconds(20),
                workerLease: .seconds(1),
                maxWorkerDeaths: 30_000
            ),
            logger: Logger(label: "history", level: .error)
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await scheduler.run() }
            var dice = TestDice(seed: seed, stream: 1)
            while !over {
                await pause(calm * Int.random(in: 100...600, using: &dice))
                await strike(Bool.random(using: &dice) ? .backendTerminated : .workerMadeZombie)
            }
            scheduler.stop()
        }
        await postgres.shutdown()
    }

    private func strike(_ fault: Fault) async {
        let statement: SQL =
            switch fault {
            case .backendTerminated:
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = \(Self.sessions) AND query NOT LIKE 'LISTEN%'
                ORDER BY state = 'idle', random() LIMIT 1
                """
            case .workerMadeZombie, .workerStopped:
                "DELETE FROM workers WHERE id = (SELECT id FROM workers ORDER BY random() LIMIT 1) RETURNING true"
            }
        // It may hit its own session; then it is no fault of this kind, and is not counted.
        guard let rows = try? await database.client.query(Query("history_strike", statement)), !rows.isEmpty
        else {
            return
        }
        note(fault)
    }

    private func note(_ fault: Fault) {
        faults.withLock { $0[fault, default: 0] += 1 }
    }

    private func pause(_ milliseconds: Int = 20) async {
        // Faults come by the clock on purpose, and an end that cancels this is seen by who called.
        try? await Task.sleep(for: .milliseconds(milliseconds))
    }

    // MARK: The buyers

    /// Starts runs as fast as they end, then waits for the last.
    private func sell() async throws {
        var dice = TestDice(seed: seed)
        var left = runs
        var first: JobID?
        while left > 0 {
            let count = min(left, 500)
            var payers: [Bool] = []
            let jobs = try (0..<count).map { _ in
                let pays = Double.random(in: 0..<1, using: &dice) < 0.6
                payers.append(pays)
                let input = Deal.Input(
                    sku: Int.random(in: 1...Self.skus, using: &dice),
                    quantity: Int.random(in: 1...3, using: &dice),
                    patience: pays && Bool.random(using: &dice)
                        ? nil : Int.random(in: 20...800, using: &dice),
                    isAlone: Int.random(in: 0..<32, using: &dice) == 0
                )
                return NewJob.run(name: Deal.name, queue: "default", input: try JSONCoding.encode(input))
            }
            let ids = try await store.enqueue(jobs)
            first = first ?? ids.first
            let now = MonotonicTime.now
            for (id, pays) in zip(ids, payers) where pays {
                let moment = now + .milliseconds(Int.random(in: 0...800, using: &dice))
                due.withLock { $0.append((moment, id)) }
            }
            left -= count
            // Those that were started long ago have ended, or will be found in the end.
            let horizon = JobID(rawValue: (ids.last?.rawValue ?? 0) - 4 * Self.atOnce)
            while try await unfinished(since: horizon) > Self.atOnce { await pause(50) }
        }
        enqueued.withLock { $0 = true }
        let deadline = MonotonicTime.now + .seconds(120)
        while case let open = try await unfinished(since: first ?? JobID(rawValue: 0)), open > 0 {
            guard MonotonicTime.now < deadline else { throw NeverHappened(what: "the last \(open) runs end") }
            await pause(100)
        }
    }

    private func unfinished(since first: JobID) async throws -> Int64 {
        try await database.client.query(
            Query(
                "history_open",
                """
                SELECT count(*) FROM jobs
                WHERE id >= \(first.rawValue) AND state NOT IN ('done', 'failed', 'cancelled')
                """
            )
        )[0][0]
    }

    /// Pays for what is due, again and again until it knows that the money has arrived.
    private func pay() async throws {
        let postgres = try client(2)
        while !over {
            let now = MonotonicTime.now
            var ready = due.withLock { due in
                let ready = due.filter { $0.at <= now }.map(\.run)
                due.removeAll { $0.at <= now }
                return ready.sorted()
            }
            while !ready.isEmpty, !over {
                let part = Array(ready.prefix(100))
                do {
                    let queues = try await postgres.withTransaction { tx in
                        let answers = try await tx.pipeline([
                            JobStatements.lock(part),
                            JobStatements.deliver(part.map { ($0, Deal.paid.name, JSONB(text: "true")) }),
                        ])
                        return Set(try answers[1].compactMap { try $0[4] as String? })
                    }
                    store.wake(queues)
                    ready.removeFirst(part.count)
                } catch is PostgresError {
                    await pause()
                }
            }
            await pause()
        }
        await postgres.shutdown()
    }
}
