import Jobs
import Postgres
import Reactor
import TestSupport
import Workflows

/// What tests of plain jobs ask again and again.
struct JobDesk: Sendable {
    let database: TestDatabase
    let store: JobStore
    let leaf = LaneLeaf(number: 0, queue: "default")

    /// A database with one queue of one lane.
    init(_ database: TestDatabase) async throws {
        self.database = database
        store = JobStore(postgres: database.client)
        try await store.ensureQueue("default", lanes: 1)
    }

    func claim(_ limit: Int = 100, worker: Int64 = 1) async throws -> [ClaimedJob] {
        try await database.client.query(JobStatements.claim(leaf, limit: limit, worker: worker))
            .map { try ClaimedJob(claim: $0, from: leaf.queue) }
    }

    func enqueue<Code: JobDefinition>(_ code: Code.Type, _ input: Code.Input) async throws -> JobID {
        try await store.enqueue([NewJob(code, input)])[0]
    }

    func state(_ id: JobID) async throws -> JobState? {
        try await store.job(id)?.state
    }

    func kind(_ id: JobID) async throws -> DeadLetter.Kind? {
        try await store.deadLetters().first { $0.id == id }?.kind
    }
}

/// Lets a test wait for what code does, and code for what a test says.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until it is open; cancellation makes no difference.
    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}
