internal import Jobs
internal import Postgres
internal import Reactor

/// A fresh schema with the engine in it, for one run.
struct BenchSchema: Sendable {
    /// The most connections it opens beside its workers'.
    static let connections = 16

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

    /// Worker processes that have just been let go.
    struct Started: Sendable {
        let workers: BenchWorkers
        let at: MonotonicTime
        /// What the server had used by then.
        let usage: ServerUsage
        /// What the workers had used by then.
        let cpuSeconds: Double
    }

    /// Starts worker processes, lets them go when all of them wait for it, runs `body`, and ends them.
    func withWorkers<Value>(_ count: Int, _ body: (Started) async throws -> Value) async throws -> Value {
        let arguments = place.invocation.arguments
        let words = [BenchOptions.capacity, BenchOptions.connections].flatMap { option in
            arguments.text(option).map { ["--\(option.name)", $0] } ?? []
        }
        let started = try await BenchGate.closed(postgres) {
            let workers = await BenchWorkers(
                count,
                words,
                environment: environment,
                home: place.home,
                note: { BenchPlace.note($0) }
            )
            do {
                try await workers.ready()
                let usage = try await place.meter.read()
                let cpuSeconds = await workers.cpuSeconds()
                return Started(workers: workers, at: .now, usage: usage, cpuSeconds: cpuSeconds)
            } catch {
                await workers.stop()
                throw error
            }
        }
        do {
            let value = try await body(started)
            await started.workers.stop()
            return value
        } catch {
            await started.workers.stop()
            throw error
        }
    }
}
