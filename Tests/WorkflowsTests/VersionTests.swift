import Jobs
import Postgres
import Reactor
import Telemetry
import Testing
import TestSupport
import Worker
import Workflows

/// A workflow of which several versions are registered.
private struct Pinned: Workflow {
    static var name: String { "pinned" }
    static var version: Int? { 2 }
    let answer: String
    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        try await context.sleep(for: .milliseconds(1))
        return answer
    }
}

private struct PinnedBefore: Workflow {
    static var name: String { "pinned" }
    static var version: Int? { 1 }
    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        try await context.sleep(for: .milliseconds(1))
        return "one"
    }
}

@Suite(.timeLimit(.minutes(5)))
struct VersionTests {
    private typealias Body = @Sendable (WorkflowContext, Int) async throws -> String

    private static let go = EventKey<String>("go")

    private func registry(_ body: @escaping Body) -> WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(Scripted(body: body))
        return registry
    }

    /// Starts a run of the old code, lets it park at an event, and goes on with the new code.
    private func change(
        _ database: TestDatabase,
        from old: @escaping Body,
        to new: @escaping Body,
        _ check: (JobID, WorkflowClient) async throws -> Void
    ) async throws {
        let client = WorkflowClient(postgres: database.client)
        let run = try await withWorker(database, registry(old)) { _ in
            let run = try await client.start(Scripted<String>.self, 1)
            try await database.reached(.waiting, run)
            return run
        }
        _ = try await client.send(Self.go, "on", to: run)
        try await withWorker(database, registry(new)) { _ in try await check(run, client) }
    }

    /// Waits until a run is paused, then tells why.
    private func paused(_ database: TestDatabase, _ run: JobID) async throws -> String {
        try await database.eventually("run \(run) is paused") {
            let rows = try await database.client.query(
                Query(
                    "test_paused",
                    """
                    SELECT error FROM jobs
                    WHERE id = \(run.rawValue) AND paused AND state = 'waiting' AND worker_id IS NULL
                        AND wake_at IS NULL AND waiting_for IS NULL
                    """
                )
            )
            return try rows.first.map { try $0[0] as String? ?? "" }
        }
    }

    @Test func `A step that is gone from the code pauses the run, which names it and keeps its history`()
        async throws
    {
        try await withDatabase { database in
            try await database.create("CREATE TABLE effects (step text)")
            try await change(
                database,
                from: { context, _ in
                    try await context.step("reserve") { _ in }
                    try await context.step("charge") { _ in }
                    try await context.first(on(Self.go) { $0 })
                    return "old"
                },
                to: { context, _ in
                    try await context.step("reserve") { _ in }
                    try await context.step("bill") { tx in
                        try await tx.execute(Query("t", "INSERT INTO effects VALUES ('bill')"))
                    }
                    try await context.first(on(Self.go) { $0 })
                    return "new"
                }
            ) { run, _ in
                let before = try await database.count("checkpoints")
                let why = try await paused(database, run)
                #expect(why.contains("\"charge\""))
                #expect(why.contains("\"bill\""))
                #expect(why.contains("scripted"))
                #expect(try await database.count("effects") == 0)
                #expect(try await database.count("checkpoints") == before)
            }
        }
    }

    @Test func `A step that comes too early pauses the run before it does anything`() async throws {
        try await withDatabase { database in
            try await database.create("CREATE TABLE effects (step text)")
            try await change(
                database,
                from: { context, _ in
                    try await context.step("charge") { _ in }
                    try await context.first(on(Self.go) { $0 })
                    return "old"
                },
                to: { context, _ in
                    try await context.step("check") { tx in
                        try await tx.execute(Query("t", "INSERT INTO effects VALUES ('check')"))
                    }
                    try await context.step("charge") { _ in }
                    return "new"
                }
            ) { run, _ in
                let why = try await paused(database, run)
                #expect(why.contains("\"check\""))
                #expect(why.contains("\"charge\""))
                #expect(try await database.count("effects") == 0)
            }
        }
    }

    @Test func `A result that no longer decodes, and a wait that became a step, pause the run`() async throws
    {
        try await withDatabase { database in
            try await change(
                database,
                from: { context, _ in
                    _ = try await context.step("price") { _ in 12 }
                    try await context.first(on(Self.go) { $0 })
                    return "old"
                },
                to: { context, _ in
                    _ = try await context.step("price") { _ in ["EUR": 12] }
                    try await context.first(on(Self.go) { $0 })
                    return "new"
                }
            ) { run, _ in
                let why = try await paused(database, run)
                #expect(why.contains("price"))
            }
        }
        try await withDatabase { database in
            try await change(
                database,
                from: { context, _ in
                    try await context.first(on(Self.go) { $0 })
                    return "old"
                },
                to: { context, _ in try await context.step("wait") { _ in "new" } }
            ) { run, _ in
                let why = try await paused(database, run)
                #expect(why.contains("\"wait\" was recorded as a wait"))
            }
        }
    }

    @Test func `A run that had passed a change stays on the old side, a later one takes the new side`()
        async throws
    {
        try await withDatabase { database in
            let new: Body = { context, _ in
                let side = try await context.version(of: "audit first")
                if side == 1 { try await context.step("audit") { _ in } }
                try await context.step("charge") { _ in }
                try await context.first(on(Self.go) { $0 })
                // Later goes stay with the answer.
                try await context.sleep(for: .milliseconds(1))
                return "side \(side), then \(try await context.version(of: "audit first"))"
            }
            try await change(
                database,
                from: { context, _ in
                    try await context.step("charge") { _ in }
                    try await context.first(on(Self.go) { $0 })
                    return "old"
                },
                to: new
            ) { run, client in
                _ = try await database.ended(run)
                #expect(try await client.result(of: run, Scripted<String>.self) == "side 0, then 0")
                let later = try await client.start(Scripted<String>.self, 1)
                _ = try await client.send(Self.go, "on", to: later)
                _ = try await database.ended(later)
                #expect(try await client.result(of: later, Scripted<String>.self) == "side 1, then 1")
            }
        }
    }

    @Test func `Pinned runs get the code of their version, and wait for a worker that has it`() async throws {
        try await withDatabase { database in
            let client = WorkflowClient(postgres: database.client)
            let old = try await client.start(PinnedBefore.self, 1)
            let new = try await client.start(Pinned.self, 1)
            var both = WorkflowRegistry()
            both.register(Pinned(answer: "two"))
            both.register(PinnedBefore())
            try await withWorker(database, both) { _ in
                _ = try await database.ended(old)
                _ = try await database.ended(new)
            }
            #expect(try await client.result(of: old, PinnedBefore.self) == "one")
            #expect(try await client.result(of: new, Pinned.self) == "two")

            let waiting = try await client.start(PinnedBefore.self, 1)
            var newOnly = WorkflowRegistry()
            newOnly.register(Pinned(answer: "two"))
            try await withWorker(database, newOnly) { _ in
                let job: JobRecord = try await database.eventually("the run was put back") {
                    let job = try await client.store.job(waiting)
                    return job?.error == nil ? nil : job
                }
                #expect(job.error?.contains("no version 1 of workflow pinned") == true)
                #expect(job.error?.contains("it has: 2") == true)
                #expect(job.failures == 0)
            }
        }
    }
}
