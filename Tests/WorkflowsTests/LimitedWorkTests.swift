import Jobs
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

/// Limits as workers keep them, with real ones.
@Suite(.timeLimit(.minutes(5)))
struct LimitedWorkTests {
    /// Notes which jobs run at the same time.
    private struct Watch: Job {
        static let name = "watch"
        let began: @Sendable (String) -> Void
        let ended: @Sendable (String) -> Void

        func perform(_ context: JobContext, _ key: String) async throws {
            began(key)
            for _ in 0..<20 { await Task.yield() }
            ended(key)
        }
    }

    private struct Seen {
        var running: [String: Int] = [:]
        var most: [String: Int] = [:]
        var ended = 0
    }

    private func watch(_ seen: WatchBook) -> WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(
            Watch(
                began: { key in
                    seen.state.withLock { seen in
                        for name in [key, "all"] {
                            seen.running[name, default: 0] += 1
                            seen.most[name] = max(seen.most[name] ?? 0, seen.running[name] ?? 0)
                        }
                    }
                },
                ended: { key in
                    seen.state.withLock { seen in
                        for name in [key, "all"] { seen.running[name, default: 0] -= 1 }
                        seen.ended += 1
                    }
                }
            )
        )
        return registry
    }

    private final class WatchBook: Sendable {
        let state = Lock(Seen())
    }

    private func jobs(_ count: Int, _ key: String, limited: Bool = true) -> [NewJob] {
        (0..<count).map { _ in
            NewJob(name: Watch.name, input: JSONB(text: "\"\(key)\""), limitKey: limited ? key : nil)
        }
    }

    /// Runs workers, which hear of changes by notification alone, while a test's body does.
    private func withWorkers(
        _ count: Int,
        _ database: TestDatabase,
        _ registry: WorkflowRegistry,
        _ body: () async throws -> Void
    ) async throws {
        let workers = (0..<count).map { _ in
            JobWorker(
                postgres: database.client,
                registry: registry,
                configuration: WorkerConfiguration(
                    queues: ["default"],
                    capacity: 16,
                    pollInterval: .milliseconds(20),
                    heartbeatInterval: .seconds(3600)
                ),
                logger: Logger(label: "test", level: .error)
            )
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in workers { group.addTask { try await worker.run() } }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await body())
            } catch {
                outcome = .failure(error)
            }
            for worker in workers { worker.stop() }
            try await group.waitForAll()
            try outcome.get()
        }
    }

    @Test func `Workers keep the limits of keys and give every slot back`() async throws {
        try await withDatabase(pool: .init(maximum: 8)) { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            try await store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 2)), queue: "default")
            try await store.setKeyLimit(KeyLimit(maxRunning: 1), queue: "default", key: "one")
            let book = WatchBook()
            try await withWorkers(2, database, watch(book)) {
                for key in ["a", "b", "one", "free"] {
                    _ = try await store.enqueue(jobs(40, key, limited: key != "free"))
                }
                _ = try await database.eventually("all have ended") {
                    try await database.count("blocked") == 0 && book.state.withLock { $0.ended } == 160
                        ? true : nil
                }
            }
            let most = book.state.withLock { $0.most }
            #expect((most["a"] ?? 0) <= 2 && (most["b"] ?? 0) <= 2 && most["one"] == 1, "\(most)")
            for check in EngineAudit.checks {
                #expect(try await check.offenders(in: database.client).isEmpty, "\(check.name)")
            }
            #expect(try await database.count("admitted") == 0)
        }
    }

    @Test func `Workers keep the limit of a queue`() async throws {
        try await withDatabase(pool: .init(maximum: 8)) { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            try await store.setLimits(QueueLimits(maxRunning: 3), queue: "default")
            let book = WatchBook()
            try await withWorkers(2, database, watch(book)) {
                _ = try await store.enqueue(jobs(60, "x", limited: false))
                _ = try await database.eventually("all have ended") {
                    book.state.withLock { $0.ended } == 60 ? true : nil
                }
            }
            #expect((book.state.withLock { $0.most["all"] } ?? 9) <= 3)
        }
    }

    @Test func `Workers hear of limits and of a queue that goes on before their next heartbeat`()
        async throws
    {
        try await withDatabase(pool: .init(maximum: 8)) { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default")
            try await store.pause(queue: "default")
            let book = WatchBook()
            try await withWorkers(1, database, watch(book)) {
                _ = try await store.enqueue(jobs(3, "x", limited: false))
                _ = try await database.eventually("the worker is there") {
                    try await database.count("workers") == 1 ? true : nil
                }
                try await store.resume(queue: "default")
                _ = try await database.eventually("the held jobs run") {
                    book.state.withLock { $0.ended } == 3 ? true : nil
                }
                // Without the word, this worker would not dispatch.
                try await store.setLimits(QueueLimits(perKey: KeyLimit(maxRunning: 1)), queue: "default")
                _ = try await store.enqueue(jobs(3, "y"))
                _ = try await database.eventually("the jobs with a key run") {
                    book.state.withLock { $0.ended } == 6 ? true : nil
                }
            }
        }
    }
}
