internal import Jobs
internal import Postgres
internal import Reactor

/// A fresh schema with the engine in it, for one run.
struct BenchSchema: Sendable {
    let place: BenchPlace
    let name: String
    let postgres: PostgresClient
    let store: JobStore
    /// What worker processes are started with.
    let environment: [String: String]

    /// Enqueues so many jobs, a thousand in a call, two calls at a time.
    func preload(_ jobs: Int) async throws {
        try await withThrowingTaskGroup { group in
            for half in 0..<2 {
                group.addTask {
                    for start in stride(from: half * 1000, to: jobs, by: 2000) {
                        let batch = (start..<min(start + 1000, jobs)).map { BenchJob.new($0) }
                        _ = try await store.enqueue(batch)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Starts worker processes, does `before` when all of them wait for the start, and lets them go.
    func start(
        _ workers: Int,
        capacity: Int? = nil,
        before: () async throws -> Void = {}
    ) async throws -> (workers: BenchWorkers, at: MonotonicTime) {
        let arguments = place.invocation.arguments
        let words = [BenchOptions.capacity, BenchOptions.connections].flatMap { option in
            ["--\(option.name)", arguments.text(option) ?? ""]
        }
        return try await BenchGate.closed(postgres) {
            let started = await BenchWorkers(
                workers,
                words,
                environment: environment,
                home: place.home,
                note: { BenchPlace.note($0) }
            )
            do {
                try await started.ready()
                try await before()
                return (started, MonotonicTime.now)
            } catch {
                await started.stop()
                throw error
            }
        }
    }
}
