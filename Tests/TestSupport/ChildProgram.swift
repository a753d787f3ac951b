internal import Foundation
internal import Glibc
internal import Reactor

/// A program of the build in a process of its own, to be killed, frozen and thawed by a test.
///
/// It is killed when the last reference goes.
package final class ChildProgram: Sendable {
    /// The process.
    package let pid: Int32
    private let output: String
    private let ended = Lock(false)
    private let ending = Lock<Int32?>(nil)

    /// Starts a program that the build has put beside the tests; beside `PATH` the environment is all it has.
    package init(_ name: String, _ arguments: [String] = [], environment: [String: String]) throws {
        output = "/tmp/usher-child-" + String(UInt64.random(in: .min ... .max), radix: 36)
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        pid = try TestCluster.spawn(
            variables + ["\(Self.directory)/\(name)"] + arguments,
            in: "/tmp",
            output: output
        )
    }

    deinit {
        kill()
        // Nobody is left to hear of it.
        try? FileManager.default.removeItem(atPath: output)
    }

    /// Beside the test bundle, where the build put both.
    private static let directory: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let place = bundle.map { URL(filePath: $0).deletingLastPathComponent() } ?? Bundle.main.bundleURL
        return place.path
    }()

    /// What it has written so far, by lines.
    package var lines: [String] {
        // It is not there before the first line, nor once the test has cleaned up.
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// Ends it as nothing can prepare for.
    package func kill() {
        ended.withLock { ended in
            guard !ended else { return }
            Glibc.kill(pid, SIGKILL)
            var status: Int32 = 0
            while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            ended = true
        }
    }

    /// Stops it where it stands.
    package func freeze() { signal(SIGSTOP) }

    /// Lets it go on as if nothing had happened.
    package func thaw() { signal(SIGCONT) }

    /// Asks it to end in order.
    package func ask() { signal(SIGTERM) }

    /// Returns when it has ended by itself.
    package func end() async throws {
        let pid = pid
        try await Reactor.Thread.run(name: "child") {
            var info = unsafe siginfo_t()
            // Left to be reaped by whoever asks for its status.
            while unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
        }
        _ = isOver
    }

    /// Whether it has ended by itself.
    package var isOver: Bool {
        ended.withLock { ended in
            var status: Int32 = 0
            if !ended, unsafe waitpid(pid, &status, WNOHANG) == pid {
                ended = true
                // The low byte is the signal that ended it, if one did.
                ending.withLock { $0 = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f) }
            }
            return ended
        }
    }

    /// What it exited with, or 128 and the signal that ended it; nil until ``isOver``.
    package var status: Int32? { ending.withLock { $0 } }

    private func signal(_ number: Int32) {
        ended.withLock { ended in
            if !ended { _ = Glibc.kill(pid, number) }
        }
    }
}
