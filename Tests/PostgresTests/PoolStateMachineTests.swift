import Reactor
import Testing

@testable import Postgres

@Suite("Pool", .timeLimit(.minutes(5)))
struct PoolStateMachineTests {
    private typealias Action = PoolStateMachine.Action

    /// A moment, in seconds since the test began.
    private func at(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1e9))
    }

    private func machine(_ maximum: Int, minimum: Int = 0, groups: Int = 1) -> PoolStateMachine {
        let limits = PoolLimits(
            maximum: maximum,
            minimum: minimum,
            acquireTimeout: .seconds(5),
            idleTimeout: .seconds(60),
            lifetime: .seconds(600)
        )
        return PoolStateMachine(limits: limits, groups: groups)
    }

    /// A pool with `count` connections, all leased, numbered from 0.
    private func leased(_ count: Int, of maximum: Int, groups: Int = 1) -> PoolStateMachine {
        var pool = machine(maximum, groups: groups)
        for id in 0..<count {
            _ = pool.acquire(UInt64(id), now: at(0))
            _ = pool.connected(id, now: at(0))
        }
        return pool
    }

    @Test func `a caller gets a new connection, then the next one gets the same`() {
        var pool = machine(2)
        #expect(pool.takeIdle(preferring: nil) == nil)
        #expect(pool.acquire(1, now: at(0)) == [.connect(0, after: .zero)])
        #expect(pool.connected(0, now: at(0)) == [.lease(0, to: 1)])
        #expect(pool.release(0, isHealthy: true, now: at(1)) == [])
        #expect(pool.statistics == PoolStatistics(idle: 1))
        #expect(pool.takeIdle(preferring: nil) == 0)
        #expect(pool.statistics == PoolStatistics(leased: 1))
    }

    @Test func `there are never more connections than the limit, and waiters are served in order`() {
        var pool = leased(2, of: 2)
        for waiter in UInt64(10)...13 { #expect(pool.acquire(waiter, now: at(1)) == []) }
        #expect(pool.statistics == PoolStatistics(leased: 2, waiting: 4))
        #expect(pool.takeIdle(preferring: nil) == nil)
        #expect(pool.release(1, isHealthy: true, now: at(2)) == [.lease(1, to: 10)])
        #expect(pool.cancel(11) == [.refuse(11, .cancelled)])
        #expect(pool.cancel(11) == [])
        #expect(pool.release(0, isHealthy: true, now: at(2)) == [.lease(0, to: 12)])
        #expect(pool.release(0, isHealthy: true, now: at(2)) == [.lease(0, to: 13)])
        #expect(pool.release(0, isHealthy: true, now: at(2)) == [])
    }

    @Test func `a connection for each waiter is on its way, not more`() {
        var pool = machine(3)
        #expect(pool.acquire(1, now: at(0)) == [.connect(0, after: .zero)])
        #expect(pool.acquire(2, now: at(0)) == [.connect(1, after: .zero)])
        #expect(pool.connected(1, now: at(0)) == [.lease(1, to: 1)])
        #expect(pool.release(1, isHealthy: true, now: at(0)) == [.lease(1, to: 2)])
        // Nobody is left to wait for the second one; it lies idle.
        #expect(pool.connected(0, now: at(0)) == [])
        #expect(pool.statistics == PoolStatistics(leased: 1, idle: 1))
    }

    @Test func `who waits for too long is told, with the reason if there is one`() {
        var pool = leased(1, of: 1)
        _ = pool.acquire(10, now: at(1))
        _ = pool.acquire(11, now: at(3))
        #expect(pool.nextDeadline() == at(6))
        #expect(pool.expireWaiters(now: at(5.9)) == [])
        #expect(pool.expireWaiters(now: at(6)) == [.refuse(10, .timeout(lastFailure: nil))])
        #expect(pool.nextDeadline() == at(8))

        var unreachable = machine(4)
        _ = unreachable.acquire(1, now: at(0))
        _ = unreachable.connectFailed(0, reason: "refused", isHopeless: false, now: at(1))
        #expect(unreachable.expireWaiters(now: at(5)) == [.refuse(1, .timeout(lastFailure: "refused"))])
        #expect(unreachable.nextDeadline() == nil)
    }

    @Test func `failing to connect is tried again, one at a time and ever more slowly`() {
        var pool = machine(4)
        for waiter in UInt64(1)...3 { _ = pool.acquire(waiter, now: at(0)) }
        #expect(pool.statistics.connecting == 3)
        #expect(pool.connectFailed(0, reason: "refused", isHopeless: false, now: at(0)) == [])
        #expect(pool.connectFailed(1, reason: "refused", isHopeless: false, now: at(0)) == [])
        var delays: [Duration] = []
        var id = 2
        for _ in 0..<8 {
            let actions = pool.connectFailed(id, reason: "refused", isHopeless: false, now: at(0))
            guard case .connect(let next, let delay) = actions.first, actions.count == 1 else {
                Issue.record("\(actions)")
                return
            }
            id = next
            delays.append(delay)
        }
        #expect(delays == [200, 400, 800, 1600, 2000, 2000, 2000, 2000].map { .milliseconds($0) })
        // The first success brings back the others.
        let actions = pool.connected(id, now: at(9))
        #expect(
            actions == [.lease(id, to: 1), .connect(id + 1, after: .zero), .connect(id + 2, after: .zero)]
        )
    }

    @Test func `nobody waits in vain when the server refuses for good`() {
        var pool = machine(2)
        _ = pool.acquire(1, now: at(0))
        _ = pool.acquire(2, now: at(0))
        let actions = pool.connectFailed(0, reason: "wrong password", isHopeless: true, now: at(0))
        #expect(
            actions == [
                .refuse(1, .unreachable("wrong password")), .refuse(2, .unreachable("wrong password")),
            ]
        )
        #expect(pool.connectFailed(1, reason: "wrong password", isHopeless: true, now: at(0)) == [])

        // As long as others are connected, their connections may still come free.
        var used = leased(1, of: 2)
        _ = used.acquire(5, now: at(0))
        let retry = used.connectFailed(1, reason: "too many", isHopeless: true, now: at(0))
        #expect(retry == [.connect(2, after: .milliseconds(50))])
    }

    @Test func `a broken connection is closed and replaced for who waits`() {
        var pool = leased(1, of: 1)
        _ = pool.acquire(10, now: at(1))
        #expect(pool.release(0, isHealthy: false, now: at(2)) == [.close(0), .connect(1, after: .zero)])
        #expect(pool.connected(1, now: at(2)) == [.lease(1, to: 10)])
        // Lost while somebody has it: nothing to close any more when it comes back.
        #expect(pool.lost(1, now: at(3)) == [])
        #expect(pool.release(1, isHealthy: false, now: at(3)) == [])
        #expect(pool.statistics == PoolStatistics())
    }

    @Test func `an idle connection that is lost is not lent`() {
        var pool = leased(2, of: 2)
        _ = pool.release(0, isHealthy: true, now: at(1))
        _ = pool.release(1, isHealthy: true, now: at(1))
        #expect(pool.lost(1, now: at(2)) == [])
        #expect(pool.lost(1, now: at(2)) == [])
        #expect(pool.takeIdle(preferring: nil) == 0)
        #expect(pool.takeIdle(preferring: nil) == nil)
        #expect(pool.acquire(10, now: at(2)) == [.connect(2, after: .zero)])
    }

    @Test func `idle connections are closed after a while, down to the minimum`() {
        var pool = machine(3, minimum: 1)
        for id in 0..<3 {
            _ = pool.acquire(UInt64(id), now: at(0))
            _ = pool.connected(id, now: at(0))
        }
        for id in 0..<3 { _ = pool.release(id, isHealthy: true, now: at(Double(id))) }
        #expect(pool.maintain(now: at(59)) == [])
        #expect(pool.maintain(now: at(60)) == [.close(0)])
        #expect(pool.maintain(now: at(90)) == [.close(1)])
        #expect(pool.maintain(now: at(500)) == [])
        #expect(pool.statistics == PoolStatistics(idle: 1))
    }

    @Test func `the minimum is kept open`() {
        var pool = machine(4, minimum: 2)
        #expect(pool.maintain(now: at(0)) == [.connect(0, after: .zero), .connect(1, after: .zero)])
        #expect(pool.maintain(now: at(1)) == [])
        #expect(pool.connected(0, now: at(1)) == [])
        #expect(pool.connectFailed(1, reason: "refused", isHopeless: false, now: at(1)) == [])
        #expect(pool.maintain(now: at(2)) == [.connect(2, after: .milliseconds(50))])
    }

    @Test func `an old connection is closed when it is next idle`() {
        var pool = leased(2, of: 2)
        _ = pool.release(0, isHealthy: true, now: at(590))
        #expect(pool.maintain(now: at(600)) == [.close(0)])
        #expect(pool.release(1, isHealthy: true, now: at(601)) == [.close(1)])
        #expect(pool.statistics == PoolStatistics())
    }

    @Test func `a connection of the caller's own loop is preferred, else the one used last`() {
        var pool = leased(4, of: 4, groups: 2)
        for id in 0..<4 { _ = pool.release(id, isHealthy: true, now: at(1)) }
        #expect(pool.takeIdle(preferring: 0) == 2)
        #expect(pool.takeIdle(preferring: nil) == 3)
        #expect(pool.takeIdle(preferring: 0) == 0)
        #expect(pool.takeIdle(preferring: 0) == 1)
    }

    @Test func `shutting down refuses who waits and ends with the last connection`() {
        var pool = leased(2, of: 3)
        _ = pool.release(0, isHealthy: true, now: at(1))
        var full = leased(1, of: 1)
        _ = full.acquire(10, now: at(1))
        #expect(full.close() == [.refuse(10, .closed)])

        #expect(pool.close() == [.close(0)])
        #expect(pool.takeIdle(preferring: nil) == nil)
        #expect(pool.acquire(11, now: at(2)) == [.refuse(11, .closed)])
        #expect(pool.release(1, isHealthy: true, now: at(2)) == [.close(1), .drained])
        #expect(pool.close() == [.drained])
    }

    @Test func `a connection that arrives during the shutdown is closed`() {
        var pool = machine(2)
        _ = pool.acquire(1, now: at(0))
        _ = pool.acquire(2, now: at(0))
        #expect(pool.close() == [.refuse(1, .closed), .refuse(2, .closed)])
        #expect(pool.connected(0, now: at(0)) == [.close(0)])
        #expect(pool.connectFailed(1, reason: "refused", isHopeless: false, now: at(0)) == [.drained])
    }

    @Test(arguments: 0..<20)
    func `whatever happens, limits hold and nobody is forgotten`(seed: UInt64) {
        var random = SplitMix(state: seed)
        var pool = machine(3, minimum: 1)
        var now = at(0)
        var nextWaiter: UInt64 = 0
        var waiting: [UInt64] = []
        var leased: Set<Int> = []
        var connecting: Set<Int> = []

        func apply(_ actions: [Action]) {
            for action in actions {
                switch action {
                case .lease(let id, let waiter):
                    #expect(waiting.first == waiter, "seed \(seed)")
                    waiting.removeAll { $0 == waiter }
                    #expect(leased.insert(id).inserted, "seed \(seed)")
                case .refuse(let waiter, _):
                    #expect(waiting.contains(waiter), "seed \(seed)")
                    waiting.removeAll { $0 == waiter }
                case .connect(let id, _): connecting.insert(id)
                case .close, .drained: break
                }
            }
            #expect(pool.statistics.waiting == waiting.count, "seed \(seed)")
            #expect(pool.statistics.connecting == connecting.count, "seed \(seed)")
            let all = pool.statistics.leased + pool.statistics.idle + pool.statistics.connecting
            #expect(all <= 3, "seed \(seed)")
        }
        for _ in 0..<500 {
            now = now + .milliseconds(Int.random(in: 0...2000, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1:
                nextWaiter += 1
                waiting.append(nextWaiter)
                apply(pool.acquire(nextWaiter, now: now))
            case 2:
                guard let id = leased.randomElement(using: &random) else { continue }
                leased.remove(id)
                apply(pool.release(id, isHealthy: Bool.random(using: &random), now: now))
            case 3:
                guard let id = connecting.randomElement(using: &random) else { continue }
                connecting.remove(id)
                apply(pool.connected(id, now: now))
            case 4:
                guard let id = connecting.randomElement(using: &random) else { continue }
                connecting.remove(id)
                apply(pool.connectFailed(id, reason: "x", isHopeless: Bool.random(using: &random), now: now))
            case 5:
                guard let waiter = waiting.randomElement(using: &random) else { continue }
                apply(pool.cancel(waiter))
            case 6: apply(pool.expireWaiters(now: now))
            default: apply(pool.maintain(now: now))
            }
            // Who waits has a connection to wait for.
            #expect(
                waiting.isEmpty || pool.statistics.connecting > 0 || pool.statistics.leased > 0,
                "seed \(seed)"
            )
        }
    }
}

/// Random numbers that a seed repeats.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
