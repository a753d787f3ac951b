import HTTP
import Reactor
import TestSupport
import Testing

@testable import usher

/// `usher up` as a process, with all the processes it starts, on the test server.
enum RunningHouse {
    /// Runs it until `body` has returned.
    ///
    /// - Parameters:
    ///   - database: whose schema it works in.
    ///   - body: is given the port of the API, once that answers.
    /// - Returns: the lines it printed.
    /// - Throws: what `body` threw, or that it did not come up.
    static func with(
        _ database: TestDatabase,
        _ body: (_ port: Int) async throws -> Void
    ) async throws -> [String] {
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        let loop = try EventLoop(name: "up")
        defer {
            loop.stop()
            // What stays lies in the system's directory for such things, and is no matter of this test.
            try? FileSystem.remove(directory)
        }
        let printed = Lock<[String]>([])
        let (ports, opened) = AsyncStream<Int>.makeStream()
        let supervisor = Supervisor(
            loop: loop,
            executable: BuiltProgram.path,
            environment: [
                "USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema, "PATH": "/usr/bin:/bin",
            ],
            timing: .init(drain: .seconds(60)),
            line: { _, line in
                printed.withLock { $0.append(line) }
                if let match = line.firstMatch(of: #/http://127\.0\.0\.1:(\d+)/v1/on-sales/#),
                    let port = Int(match.1)
                {
                    opened.yield(port)
                }
            },
            event: { _ in opened.finish() }
        )
        let words = ["up", "--directory", directory, "--port", "0", "--admin-port", "0"]
        await supervisor.want(1, of: .init(name: "up", words: words, stopStage: 0))
        do {
            var found: Int?
            for await port in ports {
                found = port
                break
            }
            try await body(try #require(found, "\(printed.withLock { $0 })"))
        } catch {
            // Whatever it was, this is where to look first.
            print(printed.withLock { $0.suffix(60).joined(separator: "\n") })
            await supervisor.stop()
            throw error
        }
        await supervisor.stop()
        return printed.withLock { $0 }
    }
}
