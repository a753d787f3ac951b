import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

private let go = EventKey<String>("go")

/// What starts under a key do when another run has it.
@Suite(.timeLimit(.minutes(5)))
struct ReuseTests {
    private var registry: WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(
            Scripted<String> { context, input in
                if input == 1 { throw JobVerdict.discard("broken") }
                if input == 2 { return "done" }
                return try await context.first(on(go) { $0 })
            }
        )
        return registry
    }

    private func start(_ client: WorkflowClient, _ input: Int, _ reuse: RunReuse) async throws -> StartedRun {
        try await client.start(Scripted<String>.self, input, key: "order 1", reuse: reuse)
    }

    @Test func `A start finds, follows or replaces the run that has its key, as its policy says`()
        async throws
    {
        try await withDatabase { database in
            let client = WorkflowClient(postgres: database.client)
            try await withWorker(database, registry) { _ in
                let live = try await start(client, 0, .reject)
                #expect(live.outcome == .started)
                try await database.reached(.waiting, live.id)
                for reuse in [RunReuse.find, .afterEnd, .afterFailure] {
                    #expect(try await start(client, 0, reuse) == StartedRun(id: live.id, outcome: .found))
                }
                await #expect(throws: JobsError.self) { try await start(client, 0, .reject) }

                let second = try await start(client, 1, .replace)
                #expect(second.outcome == .replaced(live.id))
                #expect(try await client.store.job(live.id)?.state == .cancelled)
                #expect(try await database.ended(second.id).state == .failed)

                let third = try await start(client, 2, .afterFailure)
                #expect(third.outcome == .replaced(second.id))
                #expect(try await database.ended(third.id).state == .done)
                #expect(
                    try await start(client, 0, .afterFailure) == StartedRun(id: third.id, outcome: .found)
                )
                #expect(try await start(client, 0, .find) == StartedRun(id: third.id, outcome: .found))

                let fourth = try await start(client, 0, .afterEnd)
                #expect(fourth.outcome == .replaced(third.id))
                // The failed one has lost its key to one that lives.
                await #expect(throws: JobsError.self) { try await client.retry(second.id) }
                var filter = RunFilter()
                filter.key = "order 1"
                #expect(try await client.runs(filter).runs.map(\.id) == [fourth.id])
            }
        }
    }

    @Test(arguments: [RunReuse.afterEnd, .afterFailure, .replace, .reject, .find])
    func `Of many that start at once under one key, one makes the run that lives`(
        _ reuse: RunReuse
    ) async throws {
        // Sixty-four share sixteen, and each waits for the ones before.
        try await withDatabase(pool: .init(maximum: 16, acquireTimeout: .seconds(120))) { database in
            let client = WorkflowClient(postgres: database.client)
            try await client.store.ensureQueue("default")
            if reuse == .afterEnd || reuse == .afterFailure {
                let ended = try await start(client, 0, .find)
                #expect(try await client.cancel(ended.id))
            }
            let starts = await withTaskGroup(of: Result<StartedRun, any Error>.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        do {
                            return .success(try await start(client, 0, reuse))
                        } catch {
                            return .failure(error)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            var made: [StartedRun] = []
            var refused = 0
            for start in starts {
                switch start {
                case .success(let run): if run.outcome != .found { made.append(run) }
                case .failure(let error):
                    let code = (error as? JobsError)?.code
                    #expect(reuse == .reject && code == .keyTaken, "\(error)")
                    refused += 1
                }
            }
            #expect(refused == (reuse == .reject ? 63 : 0))
            if reuse == .replace {
                // Each took it from the one before.
                let replaced = made.compactMap { if case .replaced(let id) = $0.outcome { id } else { nil } }
                #expect(made.count == 64 && Set(replaced).count == 63)
            } else {
                #expect(made.count == 1)
            }
            var live = RunFilter()
            live.state = .ready
            let holder = try await database.client.query(Query("t", "SELECT job_id FROM job_keys"))
            #expect(try await client.runs(live).runs.map(\.id.rawValue) == holder.map { try $0[0] as Int64 })
        }
    }
}
