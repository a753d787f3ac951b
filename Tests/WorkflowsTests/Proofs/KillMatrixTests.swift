import Postgres
import Reactor
import TestSupport
import Testing

/// Every fault at every commit point of a workflow's life.
///
/// A process stands at a commit, or has made it and not heard; then it is killed, frozen past its lease, loses its
/// sessions or its network, or the server crashes. Whatever that was, transactional steps have happened once, effects
/// at least once under one key, and the run is done. `USHER_MATRIX_ROUNDS` and `USHER_MATRIX_SEED` ask for more of it
/// and for the same again.
@Suite(.timeLimit(.minutes(60)))
struct KillMatrixTests {
    /// Cells at a time; most of the time they wait for leases to end.
    private static let atOnce = 10

    @Test func `Whatever dies at whichever commit, steps happen once and the run is done`() async throws {
        let first = testSetting("USHER_MATRIX_SEED") ?? .random(in: 1...999_999)
        let settings = [
            "max_connections = 400", "client_connection_check_interval = 50", "shared_buffers = '64MB'",
        ]
        try await TestCluster.with(settings: settings) { cluster in
            try await cluster.makeTemplate(KillCell.template, schema: KillCell.schema)
            for round in 0..<(testSetting("USHER_MATRIX_ROUNDS") ?? 1) {
                let seed = first + round
                var dice = TestDice(seed: seed)
                let cells = KillCell.all(seed: seed).shuffled(using: &dice)
                let start = MonotonicTime.now
                var told = await Self.play(cells.filter { $0.fault != .serverCrashed }, cluster)
                // One crash for all that stand at their places.
                let crashing = cells.filter { $0.fault == .serverCrashed }
                for start in stride(from: 0, to: crashing.count, by: Self.atOnce) {
                    let part = Array(crashing[start..<min(start + Self.atOnce, crashing.count)])
                    told += await Self.crash(part, cluster)
                }
                for line in told.sorted() { print("kill matrix seed \(seed): \(line)") }
                let took = Int((MonotonicTime.now - start).seconds)
                print(
                    "kill matrix seed \(seed): \(told.count) of \(cells.count) cells kept the promises, \(took) s"
                )
                #expect(told.count == cells.count, "seed \(seed)")
            }
        }
    }

    /// Plays cells that have the server to themselves as far as they know, some at a time.
    private static func play(_ cells: [KillCell], _ cluster: TestCluster) async -> [String] {
        await withTaskGroup(of: String?.self) { group in
            var told: [String] = []
            for (index, cell) in cells.enumerated() {
                if index >= atOnce, let line = await group.next() ?? nil { told.append(line) }
                group.addTask { await tell(cell, cluster) {} }
            }
            for await line in group { if let line { told.append(line) } }
            return told
        }
    }

    /// Plays cells whose fault is a crash of the server, which comes when all of them stand at their places.
    private static func crash(_ cells: [KillCell], _ cluster: TestCluster) async -> [String] {
        let wave = CrashWave(of: cells.count) {
            // So that the server has to recover from what these cells did, and not from all there was before.
            let postgres = try cluster.client(pool: .init(maximum: 1))
            try await postgres.execute(Query("test_checkpoint", "CHECKPOINT"))
            await postgres.shutdown()
            try await cluster.crash()
        }
        return await withTaskGroup(of: String?.self) { group in
            for cell in cells {
                group.addTask {
                    let line = await tell(cell, cluster) { try await wave.arrive(cell.name) }
                    await wave.leave(cell.name)
                    return line
                }
            }
            return await group.reduce(into: []) { told, line in if let line { told.append(line) } }
        }
    }

    private static func tell(
        _ cell: KillCell,
        _ cluster: TestCluster,
        crash: @Sendable () async throws -> Void
    ) async -> String? {
        do {
            return try await cell.play(cluster, crash: crash)
        } catch {
            Issue.record("seed \(cell.seed), \(cell.name): \(error)")
            return nil
        }
    }
}

/// Lets something happen once, when all who are to suffer it have arrived or given up.
private actor CrashWave {
    private var missing: Int
    private var arrived: Set<String> = []
    private var waiting: [CheckedContinuation<Void, any Error>] = []
    private let action: @Sendable () async throws -> Void

    init(of count: Int, _ action: @escaping @Sendable () async throws -> Void) {
        missing = count
        self.action = action
    }

    func arrive(_ name: String) async throws {
        arrived.insert(name)
        missing -= 1
        if missing == 0 { return try await happen() }
        try await withCheckedThrowingContinuation { waiting.append($0) }
    }

    /// One that can't arrive any more is not waited for.
    func leave(_ name: String) async {
        guard arrived.insert(name).inserted else { return }
        missing -= 1
        // Those who wait for it are told what it threw.
        if missing == 0 { try? await happen() }
    }

    private func happen() async throws {
        let all = waiting
        waiting = []
        do {
            try await action()
            for one in all { one.resume() }
        } catch {
            for one in all { one.resume(throwing: error) }
            throw error
        }
    }
}
