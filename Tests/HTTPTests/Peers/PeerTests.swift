import Foundation
import Reactor
import TestSupport
import Testing

@testable import HTTP

/// Real clients and real proxies, as they come from Debian.
@Suite(.timeLimit(.minutes(5)))
struct PeerTests {
    // MARK: Clients

    @Test
    func `curl keeps its connection, asks for heads, and uploads in chunks and when it is told to go on`()
        async throws
    {
        try await PeerServer.with { peer, port in
            let base = "http://127.0.0.1:\(port)"
            let kept = try await SystemProgram.run("curl", ["-sS", "\(base)/a", "\(base)/b", "\(base)/c"])
            #expect(kept.status == 0 && kept.text == "plainplainplain", "\(kept)")
            let ports = peer.seen.withLock { seen in ["/a", "/b", "/c"].compactMap { seen.ports[$0] } }
            #expect(ports.count == 3 && Set(ports).count == 1, "one connection: \(ports)")

            let head = try await SystemProgram.run("curl", ["-sSI", "\(base)/status"])
            #expect(
                head.text.contains("Content-Length: 22\r\n") && head.text.hasSuffix("\r\n\r\n"),
                "\(head)"
            )

            try await SystemProgram.withDirectory { place in
                let file = "\(place)/upload"
                try Data(repeating: 0x61, count: 200_000).write(to: URL(filePath: file))
                let send = ["-sSv", "--data-binary", "@\(file)", "\(base)/upload"]
                let told = try await SystemProgram.run("curl", ["-H", "Expect: 100-continue"] + send)
                #expect(told.text.contains("HTTP/1.1 100 Continue"), "\(told.text.suffix(2_000))")
                #expect(told.text.contains("200000 bytes"))
                let chunked = try await SystemProgram.run(
                    "curl",
                    ["-H", "Transfer-Encoding: chunked"] + send
                )
                #expect(chunked.text.contains("200000 bytes"), "\(chunked.text.suffix(2_000))")
                #expect(!chunked.text.contains("Content-Length: 200000"))
            }
        }
    }

    @Test func `wrk and h2load are answered, all of them`() async throws {
        try await PeerServer.with { peer, port in
            let url = "http://127.0.0.1:\(port)/status"
            let wrk = try await SystemProgram.run("wrk", ["-t1", "-c32", "-d1s", url])
            #expect(wrk.status == 0 && wrk.text.contains("Requests/sec"), "\(wrk)")
            #expect(!wrk.text.contains("Non-2xx") && !wrk.text.contains("Socket errors"), "\(wrk)")
            let load = try await SystemProgram.run("h2load", ["--h1", "-n", "2000", "-c", "20", url])
            #expect(load.text.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(load)")
            let asked = peer.seen.withLock { $0.requests["/status"] ?? 0 }
            #expect(asked > 2_000)
        }
    }

    static let chromium = SystemProgram.path("chromium")

    // Ubuntu has it as no Debian package, so script/test installs it on Debian only.
    @Test(.enabled(if: chromium != nil, "Chromium is not installed"))
    func `Chromium loads a page, and its WebSocket says and hears`() async throws {
        try await PeerServer.with { peer, port in
            try await SystemProgram.withDirectory { place in
                let result = try await SystemProgram.run(
                    "chromium",
                    [
                        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--user-data-dir=\(place)", "--dump-dom", "http://127.0.0.1:\(port)/page",
                    ]
                )
                let heard = result.text.split(separator: "\n").filter {
                    $0.contains("heard ") || $0.contains("closed ")
                }
                .map { $0.replacing(#/<[^>]*>/#, with: "") }
                .prefix { !$0.contains("note(") }
                #expect(
                    Array(heard) == [
                        "heard hello 7", "heard gr\u{FC}\u{DF}e", "heard 60000",
                        "closed 4000 as you like true",
                    ],
                    "\(result.text)"
                )
            }
        }
    }

    // MARK: Proxies

    @Test func `nginx keeps its connection, caches what may be cached, and lets WebSockets through`()
        async throws
    {
        try await PeerServer.with { peer, port in
            try await FrontProxy.withNginx(to: port) { front in
                let client = HTTPClient(loops: try TestLoops.shared.get())
                let endpoint = HTTPEndpoint(host: "127.0.0.1", port: front)
                for _ in 0..<50 {
                    let answer = try await client.send(HTTPRequest(.get, "/plain"), to: endpoint)
                    #expect(answer.status == 200 && answer.body == Array("plain".utf8))
                }
                let ports = peer.seen.withLock { $0.ports["/plain"] ?? [] }
                #expect(ports.count == 1, "one connection for all: \(ports)")

                try await withThrowingTaskGroup(of: HTTPResponse.self) { group in
                    for _ in 0..<300 {
                        group.addTask { try await client.send(HTTPRequest(.get, "/status"), to: endpoint) }
                    }
                    for try await answer in group {
                        #expect(answer.status == 200 && answer.headers["ETag"] == "\"1-a\"")
                    }
                }
                var again = HTTPRequest(.get, "/status")
                again.headers["If-None-Match"] = "\"1-a\""
                #expect(try await client.send(again, to: endpoint).status == 304)
                let asked = peer.seen.withLock { $0.requests["/status"] }
                #expect(asked == 1, "of 301 questions, one has come through")

                let told = try await PythonScript.run(
                    "websocket_peer.py",
                    "echo",
                    "ws://127.0.0.1:\(front)/socket"
                )
                #expect(told.first?.hasPrefix("closed 1003") == true, "\(told)")
                await client.shutdown()
            }
        }
    }

    @Test func `HAProxy keeps its connection, and lets WebSockets through`() async throws {
        try await PeerServer.with { peer, port in
            try await FrontProxy.withHAProxy(to: port) { front in
                let base = "http://127.0.0.1:\(front)/plain"
                for _ in 0..<5 {
                    let answer = try await SystemProgram.run("curl", ["-sS", base])
                    #expect(answer.text == "plain")
                }
                let ports = peer.seen.withLock { $0.ports["/plain"] ?? [] }
                #expect(ports.count == 1, "one connection for all clients: \(ports)")
                let told = try await PythonScript.run(
                    "websocket_peer.py",
                    "echo",
                    "ws://127.0.0.1:\(front)/socket"
                )
                #expect(told.first?.hasPrefix("closed 1003") == true, "\(told)")
            }
        }
    }

    @Test(arguments: ["send-proxy", "send-proxy-v2"])
    func `HAProxy says whom a connection is for`(_ option: String) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.expectsProxyHeader = true
        try await PeerServer.with(configuration) { peer, port in
            try await FrontProxy.withHAProxy(to: port, option) { front in
                for host in ["127.0.0.9", "127.1.2.3"] {
                    let answer = try await SystemProgram.run(
                        "curl",
                        ["-sS", "--interface", host, "http://127.0.0.1:\(front)/who"]
                    )
                    #expect(answer.text == host, "\(answer)")
                }
            }
        }
    }
}
