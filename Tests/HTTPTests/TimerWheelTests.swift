import Reactor
import Testing

@testable import HTTP

struct TimerWheelTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func after(_ milliseconds: Int) -> MonotonicTime { start + .milliseconds(milliseconds) }

    private func drain(_ wheel: inout TimerWheel, at now: MonotonicTime) -> [Int] {
        var slots: [Int] = []
        var turns = 0
        while turns < 10_000 {
            guard let due = wheel.take(at: now) else { break }
            slots += due.slots
            turns += 1
        }
        return slots
    }

    @Test func `A slot comes up in the span after its deadline, never before`() {
        var wheel = TimerWheel(span: .milliseconds(100), spans: 16, now: start)
        wheel.add(7, at: after(250))
        #expect(drain(&wheel, at: after(250)) == [])
        #expect(drain(&wheel, at: after(299)) == [])
        #expect(drain(&wheel, at: after(300)) == [7])
        #expect(wheel.count == 0)
    }

    @Test func `A deadline that has passed comes up with the next span`() {
        var wheel = TimerWheel(span: .milliseconds(100), spans: 16, now: start)
        wheel.add(1, at: after(950))
        _ = drain(&wheel, at: after(1_000))
        wheel.add(2, at: after(10))
        wheel.add(3, at: MonotonicTime(nanoseconds: 0))
        #expect(drain(&wheel, at: after(1_099)) == [])
        #expect(drain(&wheel, at: after(1_100)) == [2, 3])
    }

    @Test func `A deadline beyond the ring comes up early, once a round`() throws {
        var wheel = TimerWheel(span: .milliseconds(100), spans: 4, now: start)
        let span = wheel.add(1, at: after(60_000))
        #expect(span == 3)
        #expect(wheel.span(of: after(60_000)) == 3)
        #expect(drain(&wheel, at: after(399)) == [])
        #expect(drain(&wheel, at: after(400)) == [1])
    }

    @Test func `Whatever the deadlines, each comes up once, in its span`() {
        var seed = UInt64.random(in: .min ... .max)
        print("timer wheel seed \(seed)")
        func random(_ limit: UInt64) -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (seed >> 33) % limit
        }
        var wheel = TimerWheel(span: .milliseconds(10), spans: 64, now: start)
        var deadlines: [Int: MonotonicTime] = [:]
        var now = start
        for slot in 0..<2_000 {
            now = now + .microseconds(Int64(random(4_000)))
            let deadline = now + .milliseconds(Int64(random(600)))
            deadlines[slot] = deadline
            wheel.add(slot, at: deadline)
            while let due = wheel.take(at: now) {
                for slot in due.slots {
                    let deadline = deadlines.removeValue(forKey: slot)
                    #expect(deadline.map { $0 <= now && now - $0 < .milliseconds(15) } == true)
                }
            }
        }
        now = now + .seconds(2)
        while let due = wheel.take(at: now) { for slot in due.slots { deadlines[slot] = nil } }
        #expect(deadlines.isEmpty)
        #expect(wheel.count == 0)
    }

    @Test func `An empty wheel does not turn through the time that nothing stood on it`() {
        var wheel = TimerWheel(span: .milliseconds(1), spans: 16, now: start)
        let late = after(86_400_000)
        #expect(wheel.take(at: late) == nil)
        wheel.add(1, at: late + .milliseconds(3))
        #expect(drain(&wheel, at: late + .milliseconds(4)) == [1])
    }
}
