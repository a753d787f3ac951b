import Jobs
import Postgres
import Reactor
import TestSupport
import Testing
import Workflows

/// Many runs at the same goods while workers are stopped, declared dead and cut off, and what their history says.
///
/// `USHER_HISTORY_RUNS` and `USHER_HISTORY_SEED` ask for more of it and for the same again.
@Suite(.timeLimit(.minutes(60)))
struct HistoryTests {
    @Test func `Among thousands of runs and faults, goods are conserved and each run ends once`() async throws
    {
        let runs = Int(testSetting("USHER_HISTORY_RUNS") ?? 3000)
        let seed = testSetting("USHER_HISTORY_SEED") ?? .random(in: 1...999_999)
        try await withDatabase(pool: .init(maximum: 8)) { database in
            let start = MonotonicTime.now
            let world = HistoryWorld(database, runs: runs, seed: seed)
            do {
                try await world.play()
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
            let history = try await Self.read(database)
            var violations = history.violations()
            violations += try await Self.disagreements(database)
            for check in EngineAudit.checks {
                violations += try await check.offenders(in: database.client).map { "\(check.name): \($0)" }
            }
            let faults = world.faults.withLock { $0 }
            let suffered = HistoryWorld.Fault.allCases.map { "\($0) \(faults[$0] ?? 0)" }.joined(
                separator: ", "
            )
            let again = Set(history.lines.filter { $0.epoch > 2 }.map(\.run)).count
            let took = Int((MonotonicTime.now - start).seconds)
            print(
                """
                history seed \(seed): \(runs) runs, \(history.lines.count) moves, \(took) s; faults: \(suffered); \
                runs that were claimed again: \(again); violations: \(violations.count)
                """
            )
            for violation in violations.prefix(20) { print("history seed \(seed): \(violation)") }
            #expect(violations.isEmpty, "seed \(seed)")
            #expect(Set(history.lines.map(\.run)).count == runs, "seed \(seed): every run left its trace")
            #expect(faults.values.reduce(0, +) > 0, "seed \(seed): nothing went wrong, so nothing was proved")
        }
    }

    private static func read(_ database: TestDatabase) async throws -> History {
        var totals: [Int32: Int64] = [:]
        for row in try await database.client.query(Query("history_totals", "SELECT sku, total FROM shelves"))
        {
            totals[try row[0]] = try row[1]
        }
        var lines: [History.Line] = []
        for sku in totals.keys.sorted() {
            let rows = try await database.client.query(
                Query(
                    "history_read",
                    """
                    SELECT version, run, epoch, op, quantity, free, held, sold, tx::text FROM history
                    WHERE sku = \(sku) ORDER BY version
                    """
                )
            )
            for row in rows {
                let name: String = try row[3]
                guard let operation = Operation(rawValue: name) else { throw NeverHappened(what: name) }
                lines.append(
                    History.Line(
                        sku: sku,
                        version: try row[0],
                        run: try row[1],
                        epoch: try row[2],
                        operation: operation,
                        quantity: try row[4],
                        shelf: .init(free: try row[5], held: try row[6], sold: try row[7]),
                        transaction: try row[8]
                    )
                )
            }
        }
        return History(totals: totals, lines: lines)
    }

    /// Runs that did not end, or returned something else than what they did; shelves that are not as their last line
    /// left them.
    private static func disagreements(_ database: TestDatabase) async throws -> [String] {
        try await database.client.query(
            Query(
                "history_disagreements",
                """
                SELECT format('run %s is %s and returned %s, its last move is %s', j.id, j.state, j.output, h.op)
                FROM jobs j
                LEFT JOIN (
                    SELECT DISTINCT ON (run) run, op FROM history ORDER BY run, version DESC
                ) h ON h.run = j.id
                WHERE j.name = \(Deal.name) AND (
                    j.state <> 'done' OR j.output #>> '{}' IS DISTINCT FROM
                        CASE h.op WHEN 'confirm' THEN 'sold' WHEN 'release' THEN 'released' WHEN 'refuse' THEN 'refused' END)
                UNION ALL
                SELECT format('goods %s have %s %s %s, their last line says %s %s %s', s.sku, s.free, s.held, s.sold,
                    h.free, h.held, h.sold)
                FROM shelves s
                JOIN (SELECT DISTINCT ON (sku) * FROM history ORDER BY sku, version DESC) h ON h.sku = s.sku
                WHERE (s.free, s.held, s.sold, s.version) <> (h.free, h.held, h.sold, h.version)
                """
            )
        ).map { try $0[0] }
    }

    // MARK: The checker itself

    private static let good = History(
        totals: [1: 10],
        lines: [
            line(1, run: 1, .hold, 3, left: (7, 3, 0), tx: "a"),
            line(2, run: 2, .hold, 2, left: (5, 5, 0), tx: "a"),
            line(3, run: 3, .refuse, 0, left: (5, 5, 0), tx: "b"),
            line(4, run: 1, epoch: 2, .confirm, 3, left: (5, 2, 3), tx: "c"),
            line(5, run: 2, epoch: 3, .release, 2, left: (7, 0, 3), tx: "c"),
        ]
    )

    private static func line(
        _ version: Int64,
        run: Int64,
        epoch: Int32 = 1,
        _ operation: Operation,
        _ quantity: Int64,
        left: (Int64, Int64, Int64),
        tx: String
    ) -> History.Line {
        History.Line(
            sku: 1,
            version: version,
            run: run,
            epoch: epoch,
            operation: operation,
            quantity: quantity,
            shelf: .init(free: left.0, held: left.1, sold: left.2),
            transaction: tx
        )
    }

    @Test func `The checker finds each kind of wrong`() {
        #expect(Self.good.violations() == [])

        func wrong(_ change: (inout [History.Line]) -> Void) -> [String] {
            var history = Self.good
            change(&history.lines)
            return history.violations()
        }
        let twice = wrong {
            $0.append(Self.line(6, run: 1, epoch: 2, .confirm, 3, left: (7, -3, 6), tx: "d"))
        }
        #expect(twice.contains { $0.contains("it had ended before") })
        #expect(twice.contains { $0.contains("is not what there is") })
        let zombie = wrong { $0[4].epoch = 0 }
        #expect(zombie == ["run 2, release in version 5 of goods 1: epoch 0 wrote after epoch 1"])
        #expect(wrong { $0[3].version = 5 }.first == "goods 1, version 5: it should be version 4")
        #expect(wrong { $0.removeLast() } == ["run 2 never came to an end"])
        #expect(wrong { $0[3].transaction = "a" }.contains { $0.contains("in the middle of its own") })
        #expect(wrong { $0[1].shelf.free = 6 }.first?.contains("was written") == true)
        #expect(wrong { $0[4].quantity = 1 }.contains { $0.contains("it held 2") })
    }
}
