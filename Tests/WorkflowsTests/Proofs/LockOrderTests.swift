import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

/// Every pair of the engine's transactions on the same rows, in whatever order their statements come.
///
/// A barrier stands before each statement and before the commit. Where two statements lock several rows each, a third
/// session holds the middle one, so that both have begun when it lets go: two that took rows in different orders would
/// then wait for each other.
@Suite(.timeLimit(.minutes(15)))
struct LockOrderTests {
    private struct Report: Sendable {
        var scenes = 0
        var waits = 0
        var failures: [String] = []
    }

    @Test func `No two transactions of the engine ever wait for each other`() async throws {
        let all = EngineTransaction.all
        var pairs: [(EngineTransaction, EngineTransaction)] = []
        for (index, first) in all.enumerated() {
            for second in all[index...] { pairs.append((first, second)) }
        }
        let lanes = 3
        let reports = try await withThrowingTaskGroup(of: Report.self) { group in
            for lane in 0..<lanes {
                let mine = pairs.enumerated().filter { $0.offset % lanes == lane }.map(\.element)
                group.addTask { try await Self.play(mine) }
            }
            return try await group.reduce(into: Report()) { sum, report in
                sum.scenes += report.scenes
                sum.waits += report.waits
                sum.failures += report.failures
            }
        }
        print(
            """
            lock order: \(pairs.count) pairs of \(all.count) transactions in \(reports.scenes) scenes, \
            \(reports.waits) waits, \(reports.failures.count) deadlocks and failures
            """
        )
        for failure in reports.failures { print("lock order: \(failure)") }
        #expect(reports.failures == [])
        #expect(reports.waits > pairs.count, "they were hardly ever in each other's way")
    }

    @Test func `Transactions that lock in different orders are found out`() async throws {
        func rows(_ order: SQL) -> EngineTransaction.Step {
            { tx, scene in
                try await tx.execute(
                    Query(
                        "test_rows",
                        """
                        SELECT FROM jobs WHERE id = ANY(\(scene.ids.map(\.rawValue)))
                        ORDER BY id \(fragment: order) FOR UPDATE
                        """
                    )
                )
            }
        }
        func row(_ index: Int) -> EngineTransaction.Step {
            { tx, scene in
                try await tx.execute(
                    Query("test_row", "SELECT FROM jobs WHERE id = \(scene.ids[index].rawValue) FOR UPDATE")
                )
            }
        }
        let statement = try await Self.play([
            (
                EngineTransaction("up", needs: .ready, rows("ASC")),
                EngineTransaction("down", needs: .ready, rows("DESC"))
            )
        ])
        #expect(statement.failures.contains { $0.contains("deadlock") })
        let statements = try await Self.play([
            (
                EngineTransaction("up", needs: .ready, row(0), row(2)),
                EngineTransaction("down", needs: .ready, row(2), row(0))
            )
        ])
        #expect(statements.failures.contains { $0.contains("deadlock") })
    }

    // MARK: Scenes

    private static func play(_ pairs: [(EngineTransaction, EngineTransaction)]) async throws -> Report {
        try await withDatabase(pool: .init(maximum: 2)) { database in
            try await JobStore(postgres: database.client).ensureQueue("default", lanes: 1)
            let sessions = try await [LockSession(database), LockSession(database), LockSession(database)]
            var report = Report()
            for pair in pairs {
                for standing in Set([pair.0.needs, pair.1.needs]) {
                    for order in orders(pair) {
                        let scene = try await LockScene(standing, in: database.client)
                        try await play(pair, scene, standing, order, sessions, database.client, &report)
                    }
                }
            }
            for session in sessions { await session.close() }
            return report
        }
    }

    /// In which order the two take their steps, and whether a third holds the middle row at first.
    private struct Order {
        var turns: [Int]
        var isStopped = false
    }

    private static func orders(_ pair: (EngineTransaction, EngineTransaction)) -> [Order] {
        let counts = [LockSession.count(pair.0), LockSession.count(pair.1)]
        var orders: [Order] = []
        for first in 0...1 {
            let second = 1 - first
            // All but the commit, then the other.
            let apart =
                [Int](repeating: first, count: counts[first] - 1)
                + [Int](repeating: second, count: counts[second])
            orders.append(Order(turns: apart))
            orders.append(Order(turns: [first, second], isStopped: true))
            guard counts.min() ?? 0 > 2 else { continue }
            orders.append(Order(turns: (0..<counts.reduce(0, +)).map { $0 % 2 == 0 ? first : second }))
        }
        return orders
    }

    private static let stopper = EngineTransaction(
        "stopper",
        needs: .ready,
        { tx, scene in
            try await tx.execute(
                Query("test_stop", "SELECT FROM jobs WHERE id = \(scene.ids[1].rawValue) FOR UPDATE")
            )
        }
    )

    private static func play(
        _ pair: (EngineTransaction, EngineTransaction),
        _ scene: LockScene,
        _ standing: LockScene.Standing,
        _ order: Order,
        _ sessions: [LockSession],
        _ postgres: PostgresClient,
        _ report: inout Report
    ) async throws {
        for session in sessions { session.reset() }
        report.scenes += 1
        let failures = try await withThrowingTaskGroup(of: (any Error)?.self) { group in
            group.addTask { await sessions[0].work(on: pair.0, scene) }
            group.addTask { await sessions[1].work(on: pair.1, scene) }
            if order.isStopped {
                group.addTask { await sessions[2].work(on: stopper, scene) }
                sessions[2].allow()
                _ = try await sessions[2].settle(postgres)
            }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await drive(sessions, order, postgres, &report))
            } catch {
                outcome = .failure(error)
            }
            // Whatever happened, nobody stays behind.
            for session in sessions { session.allow(100) }
            try outcome.get()
            return try await group.reduce(into: [any Error]()) { errors, error in
                if let error { errors.append(error) }
            }
        }
        report.failures += failures.map { error in
            "\(pair.0.name) and \(pair.1.name), rows \(standing), turns \(order.turns), stopped \(order.isStopped): \(error)"
        }
    }

    /// Gives each its turns; who stands behind a lock loses the turn, and gets it when the lock is free.
    private static func drive(
        _ sessions: [LockSession],
        _ order: Order,
        _ postgres: PostgresClient,
        _ report: inout Report
    ) async throws {
        func step(_ session: LockSession) async throws -> Bool {
            guard try await !session.settle(postgres), !session.isOver else { return false }
            session.allow()
            if try await session.settle(postgres) { report.waits += 1 }
            return true
        }
        for turn in order.turns { _ = try await step(sessions[turn]) }
        var isStopped = order.isStopped
        for _ in 0..<10_000 {
            guard !sessions[0].isOver || !sessions[1].isOver else { return }
            var moved = false
            for session in sessions[..<2] where try await step(session) { moved = true }
            guard !moved, isStopped else { continue }
            sessions[2].allow()
            isStopped = false
        }
        throw NeverHappened(what: "two transactions come to an end")
    }
}
