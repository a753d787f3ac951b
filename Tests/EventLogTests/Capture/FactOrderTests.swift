import Postgres
import TestSupport
import Testing

@testable import EventLog

@Suite("The order of captured facts", .timeLimit(.minutes(5)))
struct FactOrderTests {
    private func fact(_ seq: Int64, bytes: Int = 2) -> Fact {
        Fact(
            seq: seq,
            onSale: seq % 3,
            kind: "test.counted",
            version: 1,
            data: JSONB(bytes: Array(repeating: 32, count: bytes)),
            recordedAt: .distantPast
        )
    }

    private func place(_ number: Int) -> LSN { LSN(rawValue: UInt64(number)) }

    private func sample(_ given: Int64, coming: Int64, oldest: Int64) -> FactHorizon.Sample {
        FactHorizon.Sample(given: given, coming: coming, oldest: oldest)
    }

    /// One that has looked once, when nothing was there.
    private func started(told: Int64 = 0, mostBytes: Int = 1 << 20) -> FactOrder {
        var order = FactOrder(told: told, mostBytes: mostBytes)
        order.take(sample(told, coming: 1, oldest: 1), at: place(1))
        return order
    }

    private func transaction(_ order: inout FactOrder, _ seqs: [Int64], end: Int) {
        for seq in seqs { order.take(fact(seq)) }
        order.commit(end: place(end), at: PostgresTimestamp(microseconds: Int64(end)))
    }

    @Test func `it looks first, and then waits for the stream`() {
        var order = FactOrder(told: 0, mostBytes: 1 << 20)
        #expect(order.next() == .ask)
        order.take(sample(0, coming: 5, oldest: 5), at: place(1))
        #expect(order.next() == .wait)
        order.pass(place(9))
        #expect(order.confirmed == place(9))
    }

    @Test func `what is committed late is told in its place, and nothing behind it before`() {
        var order = started()
        transaction(&order, [2], end: 20)
        #expect(order.next() == .ask)
        // 1 was given to a transaction that runs.
        order.take(sample(2, coming: 12, oldest: 10), at: place(25))
        #expect(order.next() == .ask)
        #expect(order.confirmed < place(20))
        transaction(&order, [1], end: 30)
        order.take(sample(2, coming: 13, oldest: 12), at: place(30))
        for _ in 0..<2 { #expect(order.next() == .tell([fact(1), fact(2)], through: 2)) }
        #expect(order.confirmed < place(20), "nothing is confirmed before it was told")
        order.told(through: 1)
        #expect(order.confirmed < place(20), "the first transaction has one that was not told")
        order.told(through: 2)
        #expect(order.confirmed == place(30))
        #expect(order.windowBytes == 0)
        #expect(order.next() == .wait)
    }

    @Test func `a final number is told only when the stream has come to where it was seen`() {
        var order = started()
        transaction(&order, [2], end: 20)
        order.take(sample(3, coming: 12, oldest: 12), at: place(40))
        // 1 and 3 have been committed, and are on their way.
        #expect(order.next() == .hear(place(40)))
        transaction(&order, [3], end: 30)
        #expect(order.next() == .hear(place(40)))
        transaction(&order, [1], end: 40)
        #expect(order.next() == .tell([fact(1), fact(2), fact(3)], through: 3))
    }

    @Test func `what was committed before the stream began is read from the table`() {
        var order = FactOrder(told: 5, mostBytes: 1 << 20)
        // It came by the stream before anybody looked.
        transaction(&order, [7], end: 20)
        order.take(sample(8, coming: 10, oldest: 9), at: place(25))
        #expect(order.next() == .ask)
        #expect(order.windowBytes == 0)
        transaction(&order, [8, 9], end: 30)
        order.take(sample(9, coming: 11, oldest: 10), at: place(30))
        #expect(order.next() == .read(after: 5, through: 8))
        order.told(through: 6)
        #expect(order.next() == .read(after: 6, through: 8))
        #expect(order.confirmed < place(20))
        order.told(through: 8)
        #expect(order.confirmed == place(20))
        order.take(sample(9, coming: 12, oldest: 12), at: place(30))
        #expect(order.next() == .tell([fact(9)], through: 9))
        order.told(through: 9)
        #expect(order.confirmed == place(30))
    }

    @Test func `what was told is not told again`() {
        var order = started(told: 10)
        transaction(&order, [9], end: 20)
        transaction(&order, [10, 11], end: 30)
        #expect(order.confirmed == place(20))
        order.take(sample(11, coming: 5, oldest: 5), at: place(30))
        #expect(order.next() == .tell([fact(11)], through: 11))
    }

    @Test func `more than fits is read from the table, and the window holds no more than it may`() {
        var order = started(mostBytes: 4_000)
        var end = 10
        for seq in Int64(1)...100_000 {
            transaction(&order, [seq], end: end)
            end += 1
            #expect(order.windowBytes <= 4_000)
        }
        order.take(sample(100_000, coming: 9, oldest: 9), at: place(end))
        guard case .read(after: 0, through: 100_000) = order.next() else {
            Issue.record("\(order.next())")
            return
        }
        #expect(order.confirmed < place(10))
        order.told(through: 50_000)
        order.told(through: 100_000)
        #expect(order.confirmed == place(end - 1))
        #expect(order.next() == .wait)
        transaction(&order, [100_001], end: end)
        order.take(sample(100_001, coming: 10, oldest: 10), at: place(end))
        #expect(order.next() == .tell([fact(100_001)], through: 100_001), "then it goes on by the stream")
    }

    @Test func `a transaction that is larger than the window is confirmed only when all of it was told`() {
        var order = started(mostBytes: 1_000)
        transaction(&order, [1], end: 10)
        transaction(&order, Array(2...500), end: 20)
        order.take(sample(500, coming: 9, oldest: 9), at: place(20))
        order.told(through: 1)
        #expect(order.confirmed == place(10))
        order.told(through: 499)
        #expect(order.confirmed == place(10))
        order.told(through: 500)
        #expect(order.confirmed == place(20))
    }

    /// Transactions take numbers, commit or give up in any order; the stream, the looks and the telling go on at any pace,
    /// and it all starts again in between.
    @Test(arguments: 0..<200)
    func `whatever the pace, every fact is told once and in order, but for what a restart repeats`(
        _ number: Int
    ) {
        let seed = (testSetting("USHER_SEED") ?? 1) &+ UInt64(number)
        var dice = TestDice(seed: seed)
        var world = World()
        var order = FactOrder(told: 0, mostBytes: 2_000)
        var cursor: Int64 = 0
        var toldSeqs: [Int64] = []
        var stream = 0
        var confirmed = LSN.none
        var round = 0
        while round < 600 || !world.isOver(cursor) {
            round += 1
            #expect(round < 20_000, "seed \(seed): it doesn't come to an end")
            if round >= 20_000 { return }
            switch Int.random(in: 0..<12, using: &dice) {
            case 0..<4 where round < 600: world.write(&dice)
            case 4, 5, 6, 0: world.end(&dice)
            case 7, 8, 1:
                guard stream < world.wal.count else {
                    order.pass(world.end)
                    break
                }
                for seq in world.wal[stream].seqs { order.take(fact(seq)) }
                order.commit(end: world.wal[stream].end, at: .distantPast)
                stream += 1
            case 9 where Int.random(in: 0..<20, using: &dice) == 0:
                // A restart: the server sends what was not confirmed.
                stream = world.wal.firstIndex { $0.end > confirmed } ?? world.wal.count
                order = FactOrder(told: cursor, mostBytes: 2_000)
            default:
                let step = order.next()
                #expect(order.next() == step, "seed \(seed): it has to be done to be over")
                switch step {
                case .wait, .hear: break
                case .ask: order.take(world.sample, at: world.end)
                case .read(let after, let through):
                    let page = world.table(after: after, through: through).prefix(3)
                    toldSeqs += page
                    cursor = page.count < 3 ? through : page.last ?? through
                    order.told(through: cursor)
                case .tell(let facts, let through):
                    toldSeqs += facts.map(\.seq)
                    cursor = through
                    order.told(through: through)
                }
                confirmed = max(confirmed, order.confirmed)
            }
        }
        #expect(toldSeqs == world.committed.sorted(), "seed \(seed)")
    }

    /// A server in small.
    private struct World {
        var given: Int64 = 0
        var nextTransaction: Int64 = 1
        var running: [(id: Int64, seqs: [Int64])] = []
        var committed: Set<Int64> = []
        var wal: [(seqs: [Int64], end: LSN)] = []

        var end: LSN { wal.last?.end ?? LSN(rawValue: 1) }
        var sample: FactHorizon.Sample {
            .init(
                given: given,
                coming: nextTransaction,
                oldest: running.map(\.id).min() ?? nextTransaction
            )
        }

        mutating func write(_ dice: inout TestDice) {
            if running.isEmpty || (running.count < 5 && Bool.random(using: &dice)) {
                running.append((nextTransaction, []))
                nextTransaction += 1
            }
            given += 1
            running[Int.random(in: running.indices, using: &dice)].seqs.append(given)
        }

        mutating func end(_ dice: inout TestDice) {
            guard let place = running.indices.randomElement(using: &dice) else { return }
            let ended = running.remove(at: place)
            guard Int.random(in: 0..<4, using: &dice) > 0, !ended.seqs.isEmpty else { return }
            committed.formUnion(ended.seqs)
            wal.append((ended.seqs, LSN(rawValue: end.rawValue + 10)))
        }

        func table(after: Int64, through: Int64) -> [Int64] {
            committed.filter { $0 > after && $0 <= through }.sorted()
        }

        func isOver(_ cursor: Int64) -> Bool {
            running.isEmpty && cursor >= committed.max() ?? 0
        }
    }
}
