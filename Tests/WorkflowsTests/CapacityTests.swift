import Jobs
import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

/// A worker never holds more than it may, however many lanes have work.
@Suite(.timeLimit(.minutes(5)))
struct CapacityTests {
    /// Notes how much its worker holds.
    private struct Note: Job {
        static let name = "note"
        let held: @Sendable () -> Void

        func perform(_ context: JobContext, _ input: Int) async throws {
            held()
            await Task.yield()
        }
    }

    @Test(arguments: [1, 2, 3, 7]) func `A worker holds no more than its capacity`(capacity: Int) async throws
    {
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            try await store.ensureQueue("default", lanes: 4)
            let jobs = (0..<80).map { NewJob(name: Note.name, input: JSONB(text: "\($0)")) }
            let ids = try await store.enqueue(jobs)
            let most = Lock<(held: Int, worker: JobWorker?)>((0, nil))
            var registry = WorkflowRegistry()
            registry.register(
                Note { most.withLock { $0.held = max($0.held, $0.worker?.running ?? .max) } }
            )
            let worker = JobWorker(
                postgres: database.client,
                registry: registry,
                configuration: WorkerConfiguration(
                    queues: ["default"],
                    capacity: capacity,
                    pollInterval: .milliseconds(20)
                ),
                logger: Logger(label: "test", level: .error)
            )
            most.withLock { $0.worker = worker }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                defer { worker.stop() }
                for id in ids { #expect(try await database.ended(id).state == .done) }
                worker.stop()
                try await group.waitForAll()
            }
            #expect((1...capacity).contains(most.withLock { $0.held }))
            most.withLock { $0.worker = nil }
        }
    }
}
