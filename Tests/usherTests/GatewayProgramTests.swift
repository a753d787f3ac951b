import Foundation
import HTTP
import Reactor
import TestSupport
import Testing

@testable import usher

/// `usher gateway` as operators start it for the open internet.
@Suite(.timeLimit(.minutes(5)))
struct GatewayProgramTests {
    /// Runs `usher gateway` until `body` has returned.
    private func withGateway(
        _ options: [String],
        descriptors: Int? = nil,
        _ body: (_ port: Int) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            let lines = AsyncStream<String>.makeStream()
            let loop = try EventLoop(name: "program")
            defer { loop.stop() }
            let directory = try FileSystem.makeTemporaryDirectory("usher-test-gateway")
            defer { try? FileSystem.remove(directory) }
            let program = "\(directory)/usher"
            let limit = descriptors.map { "/usr/bin/prlimit --nofile=\($0):\($0) " } ?? ""
            try FileSystem.write("#!/bin/sh\nexec \(limit)\(BuiltProgram.path) \"$@\"\n", to: program)
            #expect(unsafe chmod(program, 0o755) == 0)
            let supervisor = Supervisor(
                loop: loop,
                executable: program,
                environment: [
                    "USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema,
                    "PATH": "/usr/bin:/bin",
                ],
                line: { lines.continuation.yield("\($0): \($1)") },
                event: { lines.continuation.yield($0) }
            )
            let words = ["gateway", "--port", "0", "--admin-port", "0"] + options
            await supervisor.want(1, of: .init(name: "gateway", words: words, stopStage: 0))
            var port: Int?
            for await line in lines.stream {
                port = line.firstMatch(of: /listening .* port=(\d+)/).flatMap { Int($0.1) }
                if port != nil { break }
            }
            do {
                try await body(try #require(port))
            } catch {
                await supervisor.stop()
                throw error
            }
            await supervisor.stop()
        }
    }

    @Test func `The gateway takes more connections than it has descriptors`() async throws {
        // Of 400 descriptors 144 are for sockets, so three loops have a table each.
        try await withGateway(["--max-connections", "400"], descriptors: 400) { port in
            var open: [RawConnection] = []
            defer { for raw in open { raw.close() } }
            for _ in 0..<300 {
                let raw = try await RawConnection(port: port)
                open.append(raw)
                try await raw.send("GET /v1/on-sales HTTP/1.1\r\nHost: a\r\n\r\n")
                let answer = try await raw.read { $0.contains("}") }
                #expect(answer.hasPrefix("HTTP/1.1 200 "))
            }
            // All of them are there still.
            for raw in open {
                try await raw.send("GET /v1/on-sales HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await raw.read { $0.contains("}") }.hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test func `One connection too many is told so`() async throws {
        try await withGateway(["--max-connections", "64"]) { port in
            var open: [RawConnection] = []
            defer { for raw in open { raw.close() } }
            for _ in 0..<64 {
                let raw = try await RawConnection(port: port)
                open.append(raw)
                try await raw.send("GET /v1/on-sales HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await raw.read { $0.contains("}") }.hasPrefix("HTTP/1.1 200 "))
            }
            let raw = try await RawConnection(port: port)
            open.append(raw)
            let answer = try await raw.read()
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            #expect(answer.contains("too_many_connections"))
        }
    }

    @Test func `The gateway speaks TLS, notes what it answers, and takes up a renewed certificate`()
        async throws
    {
        let files = try await TestCertificate()
        defer { files.remove() }
        let log = files.directory.appending(path: "access.log")
        let options = [
            "--tls-certificate", files.chain, "--tls-key", files.key, "--access-log", log.path,
            "--access-sample", "1",
        ]
        try await withGateway(options) { port in
            let url = "https://localhost:\(port)/v1/on-sales?token=secret"
            let headers = try await curl(["--cacert", files.chain, "-sS", "-D", "-", "-o", "/dev/null", url])
            #expect(headers.hasPrefix("HTTP/1.1 200 "))
            #expect(headers.contains("Strict-Transport-Security: max-age=31536000\r\n"))
            try await files.renew("renewed.example")
            while try await PythonScript.run("tls_peer.py", "name", "\(port)", "-") != ["renewed.example"] {
                await Task.yield()
            }
            let again = try await curl([
                "--cacert", files.chain, "-sS", "-o", "/dev/null", "-w", "%{http_code}", url,
            ])
            #expect(again == "200")
            var text = ""
            while text.ranges(of: "\"call\":\"listOnSales\"").count < 2, text.count < 100_000 {
                text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
                await Task.yield()
            }
            #expect(text.contains("\"tls\":true"))
            #expect(!text.contains("secret"))
        }
    }

    private func curl(_ arguments: [String]) async throws -> String {
        try await SystemProgram.run("curl", arguments).text
    }
}
