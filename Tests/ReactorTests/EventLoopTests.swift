import CLinux
import Glibc
import Reactor
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EventLoopTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop(name: "test")
    }

    private actor Pinned {
        let loop: EventLoop

        init(loop: EventLoop) {
            self.loop = loop
        }

        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

        func isOnLoop() -> Bool { loop.isCurrent }
    }

    @Test func `An actor pinned to the loop runs on its thread`() async {
        defer { loop.stop() }
        #expect(!loop.isCurrent)
        #expect(await Pinned(loop: loop).isOnLoop())
    }

    @Test func `Work runs in the order it was given`() async {
        defer { loop.stop() }
        let order = Lock<[Int]>([])
        await withCheckedContinuation { done in
            for number in 0..<1000 {
                loop.execute { order.withLock { $0.append(number) } }
            }
            loop.execute { done.resume() }
        }
        #expect(order.withLock { $0 } == Array(0..<1000))
    }

    @Test func `Timers fire by deadline, and a cancelled one never`() async {
        defer { loop.stop() }
        let fired = Lock<[String]>([])
        await withCheckedContinuation { done in
            loop.execute { [loop] in
                _ = loop.schedule(after: .milliseconds(20)) {
                    fired.withLock { $0.append("late") }
                    done.resume()
                }
                let cancelled = loop.schedule(after: .milliseconds(5)) {
                    fired.withLock { $0.append("never") }
                }
                _ = loop.schedule(after: .milliseconds(1)) { fired.withLock { $0.append("early") } }
                loop.cancel(cancelled)
            }
        }
        #expect(fired.withLock { $0 } == ["early", "late"])
    }

    private final class Recorder: ReadinessHandler {
        let body: (Readiness, UInt64) -> Void

        init(_ body: @escaping (Readiness, UInt64) -> Void) {
            self.body = body
        }

        func ready(_ readiness: Readiness, token: UInt64) { body(readiness, token) }
    }

    @Test func `A descriptor is reported with its token, and no more once deregistered`() async throws {
        defer { loop.stop() }
        let descriptor = eventfd(1, Int32(USHER_EVENTFD_FLAGS))
        defer { close(descriptor) }
        let token = await withCheckedContinuation { (done: CheckedContinuation<UInt64, Never>) in
            loop.execute { [loop] in
                let slot = Lock<Registration?>(nil)
                let handler = Recorder { readiness, token in
                    #expect(readiness.contains(.read))
                    guard let registration = slot.withLock({ $0 }) else { return }
                    loop.deregister(registration)
                    // Level-triggered and still readable: a second report would resume twice and trap.
                    done.resume(returning: token)
                }
                do {
                    let registration = try loop.register(descriptor, for: .read, handler: handler, token: 7)
                    slot.withLock { $0 = registration }
                } catch {
                    Issue.record(error)
                    done.resume(returning: 0)
                }
            }
        }
        #expect(token == 7)
        await withCheckedContinuation { done in loop.execute { done.resume() } }
    }
}
