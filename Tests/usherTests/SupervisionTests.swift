import Reactor
import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct SupervisionTests {
    typealias Slot = Supervision.Slot

    static let gateway = Supervision.Group(name: "gateway", words: ["gateway"], stopStage: 0)
    static let worker = Supervision.Group(name: "worker", words: ["worker"], stopStage: 1)
    static let second = Slot(group: "worker", number: 2)
    static let first = Slot(group: "worker", number: 1)
    static let door = Slot(group: "gateway", number: 1)

    let zero = MonotonicTime(nanoseconds: 1_000_000_000_000)
    var supervision = Supervision(
        timing: .init(
            firstDelay: .seconds(1),
            longestDelay: .seconds(5),
            recovered: .seconds(60),
            drain: .seconds(20)
        )
    )

    func at(_ seconds: Int) -> MonotonicTime { zero + .seconds(seconds) }

    @Test mutating func `As many processes are started as are wanted, once`() {
        let actions = supervision.want(2, of: Self.worker, at: zero)
        #expect(actions == [.start(Self.first, words: ["worker"]), .start(Self.second, words: ["worker"])])
        #expect(supervision.want(2, of: Self.worker, at: zero).isEmpty)
        #expect(supervision.started(Self.first, pid: 11, at: zero).isEmpty)
        #expect(supervision.running == [Self.first: 11])
    }

    @Test mutating func `What dies early is started again after a delay that doubles up to a limit`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        var now = 0
        for delay in [1, 2, 4, 5, 5] {
            _ = supervision.started(Self.first, pid: 11, at: at(now))
            #expect(supervision.ended(Self.first, at: at(now)).isEmpty)
            #expect(supervision.nextDeadline == at(now + delay))
            #expect(supervision.tick(at: at(now + delay - 1)).isEmpty || delay == 1)
            now += delay
            if delay > 1 {
                #expect(supervision.tick(at: at(now)) == [.start(Self.first, words: ["worker"])])
            } else {
                _ = supervision.tick(at: at(now))
            }
        }
    }

    @Test mutating func `One that has lived long enough starts over with the first delay`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        for _ in 0..<4 {
            _ = supervision.ended(Self.first, at: zero)
            _ = supervision.tick(at: at(10))
        }
        _ = supervision.started(Self.first, pid: 11, at: at(10))
        _ = supervision.ended(Self.first, at: at(70))
        #expect(supervision.nextDeadline == at(71))
    }

    @Test mutating func `One that can't be started counts as dead`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        #expect(supervision.ended(Self.first, at: zero).isEmpty)
        #expect(supervision.tick(at: at(1)) == [.start(Self.first, words: ["worker"])])
    }

    @Test mutating func `Fewer wanted drains the last and leaves the rest`() {
        _ = supervision.want(2, of: Self.worker, at: zero)
        _ = supervision.started(Self.first, pid: 11, at: zero)
        _ = supervision.started(Self.second, pid: 12, at: zero)
        #expect(supervision.want(1, of: Self.worker, at: zero) == [.drain(Self.second, pid: 12)])
        #expect(supervision.ended(Self.second, at: at(3)).isEmpty)
        #expect(supervision.nextDeadline == nil)
        #expect(supervision.running == [Self.first: 11])
    }

    @Test mutating func `A drained process that is wanted again is replaced once it has ended`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        _ = supervision.started(Self.first, pid: 11, at: zero)
        #expect(supervision.forget("worker", at: zero) == [.drain(Self.first, pid: 11)])
        #expect(supervision.want(1, of: Self.worker, at: at(1)).isEmpty)
        #expect(supervision.ended(Self.first, at: at(2)) == [.start(Self.first, words: ["worker"])])
    }

    @Test mutating func `What does not drain in time is killed, once`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        _ = supervision.started(Self.first, pid: 11, at: zero)
        _ = supervision.stop(at: zero)
        #expect(supervision.tick(at: at(19)).isEmpty)
        #expect(supervision.tick(at: at(20)) == [.kill(Self.first, pid: 11)])
        #expect(supervision.tick(at: at(60)).isEmpty)
        #expect(supervision.ended(Self.first, at: at(60)) == [.finished])
    }

    @Test mutating func `Everything stops stage by stage`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        _ = supervision.want(1, of: Self.gateway, at: zero)
        _ = supervision.started(Self.first, pid: 11, at: zero)
        _ = supervision.started(Self.door, pid: 12, at: zero)
        #expect(supervision.stop(at: zero) == [.drain(Self.door, pid: 12)])
        #expect(supervision.ended(Self.door, at: at(1)) == [.drain(Self.first, pid: 11)])
        #expect(supervision.ended(Self.first, at: at(2)) == [.finished])
    }

    @Test
    mutating func `A process that is being started when all is to stop is drained as soon as it is there`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        #expect(supervision.stop(at: zero).isEmpty)
        #expect(supervision.started(Self.first, pid: 11, at: zero) == [.drain(Self.first, pid: 11)])
    }

    @Test mutating func `One that waits to be started again holds nobody back from stopping`() {
        _ = supervision.want(1, of: Self.worker, at: zero)
        _ = supervision.want(1, of: Self.gateway, at: zero)
        _ = supervision.ended(Self.door, at: zero)
        _ = supervision.started(Self.first, pid: 11, at: zero)
        #expect(supervision.stop(at: zero) == [.drain(Self.first, pid: 11)])
    }

    @Test mutating func `Stopping nothing is finished at once`() {
        #expect(supervision.stop(at: zero) == [.finished])
    }
}
