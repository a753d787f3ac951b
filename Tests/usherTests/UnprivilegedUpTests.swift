import Foundation
import Glibc
import HTTP
import Reactor
import TestSupport
import Testing

@testable import usher

/// `usher up` for somebody who isn't root.
@Suite(.timeLimit(.minutes(5)))
struct UnprivilegedUpTests {
    /// Whether this process may become somebody else who can then load the program's libraries.
    private static let canBecomeNobody: Bool = {
        guard geteuid() == 0, let nobody = UnprivilegedUser.named("nobody"),
            let maps = try? FileSystem.read("/proc/self/maps")
        else { return false }
        let libraries = maps.split(separator: "\n").compactMap { line in
            line.firstIndex(of: "/").map { String(line[$0...]) }
        }
        return libraries.filter { $0.hasSuffix("/libswiftCore.so") }.allSatisfy { nobody.canReach($0) }
    }()

    /// Processes that bear the name in their words, their environment or their place.
    private static func processes(about name: String) -> [String] {
        FileSystem.names(in: "/proc").filter { Int($0) != nil && $0 != "\(getpid())" }.filter { process in
            let place = FileSystem.linkTarget("/proc/\(process)/cwd") ?? ""
            let words = ["cmdline", "environ"].map { (try? FileSystem.read("/proc/\(process)/\($0)")) ?? "" }
            return ([place] + words).contains { $0.contains(name) }
        }
    }

    @Test(.enabled(if: canBecomeNobody, "it takes root to become somebody else"))
    func `A house of somebody who is not root is made, answers, and leaves no process`() async throws {
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        defer { try? FileSystem.remove(directory) }
        guard unsafe chmod(directory, 0o755) == 0 else { throw Failure("chmod") }
        // Where it was built, nobody else may look.
        let program = "\(directory)/usher"
        // By another process: what a fork of this one may still hold open for writing can't be executed.
        let copying = Process()
        copying.executableURL = URL(filePath: "/bin/cp")
        copying.arguments = [BuiltProgram.path, program]
        try copying.run()
        copying.waitUntilExit()
        let place = "\(directory)/place"
        try FileSystem.makeDirectory(place)
        try FileSystem.give(place, to: UnprivilegedUser.named("nobody"))

        let lines = AsyncStream<String>.makeStream()
        let loop = try EventLoop(name: "program")
        defer { loop.stop() }
        let supervisor = Supervisor(
            loop: loop,
            executable: BuiltProgram.path,
            environment: ["PATH": "/usr/bin:/bin"],
            line: { lines.continuation.yield($1) },
            event: { lines.continuation.yield($0) }
        )
        let words = LaunchCommand.words(
            user: UnprivilegedUser.named("nobody"),
            program: program,
            arguments: ["up", "--directory", "\(place)/house", "--port", "0", "--admin-port", "0"]
        )
        await supervisor.want(1, of: .init(name: "up", words: words, stopStage: 0))
        var said: [String] = []
        var endpoint: HTTPEndpoint?
        for await line in lines.stream {
            said.append(line)
            endpoint = line.firstMatch(of: /\[up\] buyers.* (http:.*)/).flatMap {
                HTTPEndpoint(url: "\($0.1)")
            }
            if endpoint != nil || line.contains("exited") { break }
        }
        let client = HTTPClient(loops: try TestLoops.shared.get())
        var answer: HTTPResponse?
        if let endpoint { answer = try? await client.send(HTTPRequest(.get, "/v1/on-sales"), to: endpoint) }
        await client.shutdown()
        let data = FileSystem.names(in: "\(place)/house/postgres")
        let running = Self.processes(about: directory)

        await supervisor.stop()
        lines.continuation.finish()
        for await line in lines.stream { said.append(line) }
        #expect(answer?.status == 200, "\(said.joined(separator: "\n"))")
        #expect(data.contains("data"))
        #expect(!running.isEmpty)
        #expect(said.contains("[up] stopped"), "\(said.joined(separator: "\n"))")
        #expect(Self.processes(about: directory) == [])
    }
}
