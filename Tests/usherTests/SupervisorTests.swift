import Glibc
import Reactor
import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct SupervisorTests {
    private struct Harness {
        let loop: EventLoop
        let supervisor: Supervisor
        let lines: AsyncStream<String>

        init() throws {
            let (lines, continuation) = AsyncStream<String>.makeStream()
            self.lines = lines
            loop = try EventLoop(name: "supervisor")
            supervisor = Supervisor(
                loop: loop,
                executable: BuiltProgram.path,
                environment: ["PATH": "/usr/bin:/bin"],
                timing: .init(firstDelay: .milliseconds(10), drain: .milliseconds(300)),
                line: { who, line in continuation.yield("\(who): \(line)") },
                event: { continuation.yield($0) }
            )
        }

        /// A group whose processes run a line of shell.
        func group(_ name: String, _ script: String) -> Supervision.Group {
            Supervision.Group(name: name, words: ["launch", "--", "/bin/sh", "-c", script], stopStage: 0)
        }
    }

    @Test func `Lines come with their process' name, and what is killed is replaced`() async throws {
        let harness = try Harness()
        defer { harness.loop.stop() }
        var lines = harness.lines.makeAsyncIterator()
        await harness.supervisor.want(1, of: harness.group("clock", "echo tick; exec sleep 1000"))
        #expect(await lines.next() == "clock: tick")
        let slot = Supervision.Slot(group: "clock", number: 1)
        let pid = try #require(await harness.supervisor.running()[slot])
        kill(pid, SIGKILL)
        #expect(await lines.next() == "clock (process \(pid)) was ended by signal 9")
        #expect(await lines.next() == "clock: tick")
        #expect(await harness.supervisor.running()[slot] != pid)
        await harness.supervisor.stop()
        #expect(await harness.supervisor.running().isEmpty)
    }

    @Test func `A process that ignores the request to end is killed`() async throws {
        let harness = try Harness()
        defer { harness.loop.stop() }
        var lines = harness.lines.makeAsyncIterator()
        let script = "trap '' TERM; echo ready; while :; do /bin/sleep 1000; done"
        await harness.supervisor.want(1, of: harness.group("stubborn", script))
        #expect(await lines.next() == "stubborn: ready")
        await harness.supervisor.stop()
        #expect(await lines.next() == "stubborn did not end in time and is killed")
    }

    @Test func `Processes end with their supervisor's thread`() async throws {
        let harness = try Harness()
        var lines = harness.lines.makeAsyncIterator()
        await harness.supervisor.want(1, of: harness.group("orphan", "echo ready; exec sleep 1000"))
        #expect(await lines.next() == "orphan: ready")
        let pid = try #require(await harness.supervisor.running().values.first)
        harness.loop.stop()
        let exit = try await Thread.run(name: "wait") { ProcessExit.wait(for: pid) }
        #expect(exit == .signal(SIGTERM))
    }
}
