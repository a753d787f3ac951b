import Jobs
import Postgres
import TestSupport
import Testing

/// A queue `q` of one lane, and what workers do to it, by hand.
struct LimitDesk: Sendable {
    let database: TestDatabase
    let store: JobStore

    init(_ database: TestDatabase) async throws {
        self.database = database
        store = JobStore(postgres: database.client)
        try await database.client.stopClock()
        try await store.ensureQueue("q", lanes: 1)
    }

    /// Jobs whose input is their key.
    func enqueue(_ count: Int, _ key: String?) async throws -> [JobID] {
        let input = JSONB(text: "\"\(key ?? "")\"")
        return try await store.enqueue(
            (0..<count).map { _ in NewJob(name: "x", queue: "q", input: input, limitKey: key) }
        )
    }

    func dispatch(most: Int = 500) async throws {
        _ = try await database.client.query(LimitStatements.dispatch(queue: "q", most: most))
    }

    /// Claims as a worker does that knows of the queue's limits.
    func claim(_ limit: Int, worker: Int64 = 1) async throws -> [ClaimedJob] {
        let leaf = LaneLeaf(number: 0, queue: "q", isKeyed: true, isLimited: true)
        return try await database.client.query(JobStatements.claim(leaf, limit: limit, worker: worker))
            .map { try ClaimedJob(claim: $0, from: "q") }
            .sorted { $0.id < $1.id }
    }

    func settle(_ job: ClaimedJob, _ end: JobEnd.Next) async throws {
        _ = try await database.client.query(
            JobStatements.settle([JobEnd(job, end)])
        )
    }

    func rescue(maxFailures: Int16 = 9) async throws -> Int64 {
        try await database.client.query(
            WorkerStatements.rescueOrphans(limit: 10, maxFailures: maxFailures)
        )[0][1]
    }

    func states(_ ids: [JobID]) async throws -> [JobState?] {
        var states: [JobState?] = []
        for id in ids { states.append(try await store.job(id)?.state) }
        return states
    }

    /// Slots by key.
    func held() async throws -> [String: Int64] {
        var held: [String: Int64] = [:]
        for row in try await database.client.query(
            Query("t", "SELECT key, count(*) FROM admitted GROUP BY key")
        ) { held[try row[0]] = try row[1] }
        return held
    }

    func count(_ table: String) async throws -> Int64 {
        try await database.client.query(Query("t", "SELECT count(*) FROM \(identifier: table)"))[0][0]
    }

    func shift(_ seconds: Double) async throws {
        try await database.client.execute(
            Query("t", "UPDATE clock SET shift = shift + make_interval(secs => \(seconds))")
        )
    }

    /// Every check of the engine's audit passes.
    func expectSound() async throws {
        for check in EngineAudit.checks {
            let offenders = try await check.offenders(in: database.client)
            #expect(offenders.isEmpty, "\(check.name): \(offenders)")
        }
    }
}

/// Numbers that come again with their seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
