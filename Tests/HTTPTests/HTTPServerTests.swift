import Foundation
import Reactor
import TestSupport
import Testing

@testable import HTTP

/// Waits for something that will come by itself, without a limit of its own: the suite has one.
func eventually(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
}

@Suite(.timeLimit(.minutes(5)))
struct HTTPServerTests {
    /// A server and its loops.
    struct Fixture {
        let loops: EventLoopGroup
        let server: HTTPServer
        let port: Int

        let address: String

        var endpoint: HTTPEndpoint { HTTPEndpoint(host: address, port: port) }

        init(
            _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
            loops count: Int = 2,
            address: String = "127.0.0.1",
            handler: @escaping @Sendable (HTTPRequest) -> Reply = Self.echo
        ) async throws {
            loops = try EventLoopGroup(count: count, name: "test")
            server = HTTPServer(loops: loops, configuration: configuration, handler: handler)
            self.address = address
            port = try await server.start(address: address, port: 0)
        }

        func stop() async {
            await server.drain(deadline: .zero)
            loops.stop()
        }

        /// Answers with the method, the target and the body; `/later…` in a task.
        static let echo: @Sendable (HTTPRequest) -> Reply = { request in
            let body = String(decoding: request.body, as: UTF8.self)
            let response = HTTPResponse.text("\(request.method) \(request.target) \(body)")
            if request.path.hasPrefix("/later") {
                return .later {
                    await Task.yield()
                    return response
                }
            }
            return .now(response)
        }
    }

    @Test func `200 pipelined requests are answered in their order`() async throws {
        let fixture = try await Fixture()
        let raw = try await RawConnection(port: fixture.port)
        let requests = (0..<200).map { number in
            "GET /\(number % 3 == 0 ? "later" : "now")/\(number) HTTP/1.1\r\nHost: a\r\n"
                + (number == 199 ? "Connection: close\r\n\r\n" : "\r\n")
        }
        try await raw.send(requests.joined())
        let answer = try await raw.read()
        let order = answer.split(separator: "\r\n").compactMap { line -> Int? in
            guard let marker = line.firstRange(of: "GET /") else { return nil }
            return Int(line[marker.upperBound...].split(separator: "/")[1].prefix { $0.isNumber })
        }
        #expect(order == Array(0..<200))
        #expect(answer.ranges(of: "Connection: close").count == 1)
        raw.close()
        await fixture.stop()
    }

    @Test
    func
        `Large answers that were asked for at once come whole and in their order, and let others in between`()
        async throws
    {
        let fixture = try await Fixture(loops: 1) { request in
            .now(.text(request.path + String(repeating: "x", count: 100_000) + "|"))
        }
        let greedy = try await RawConnection(port: fixture.port, receiveBuffer: 4_096)
        let requests = (0..<60).map { number in
            "GET /\(number) HTTP/1.1\r\nHost: a\r\n" + (number == 59 ? "Connection: close\r\n\r\n" : "\r\n")
        }
        try await greedy.send(requests.joined())
        // It does not read, and nobody waits for it.
        let other = try await RawConnection(port: fixture.port)
        try await other.send("GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(try await other.read().contains("/otherxxx"))
        other.close()
        let answer = try await greedy.read()
        greedy.close()
        let bodies = answer.components(separatedBy: "|").dropLast()
        #expect(bodies.count == 60)
        for (number, body) in bodies.enumerated() {
            #expect(body.hasSuffix("\r\n\r\n/\(number)" + String(repeating: "x", count: 100_000)))
        }
        await fixture.stop()
    }

    @Test(.enabled(if: hasIPv6, "this machine has no ::1")) func `IPv6 is served and asked like IPv4`()
        async throws
    {
        let fixture = try await Fixture(address: "::1")
        let client = HTTPClient(loops: fixture.loops)
        let endpoint = try #require(HTTPEndpoint(url: "http://[::1]:\(fixture.port)/"))
        let response = try await client.send(HTTPRequest(.get, "/six"), to: endpoint)
        #expect(String(decoding: response.body, as: UTF8.self) == "GET /six ")
        await #expect(throws: HTTPServerError.self) {
            try await fixture.server.start(address: "::1", port: fixture.port)
        }
        await client.shutdown()
        await fixture.stop()
    }

    @Test func `A request that trickles in byte by byte is answered`() async throws {
        let fixture = try await Fixture()
        let raw = try await RawConnection(port: fixture.port)
        for byte in "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc" {
            try await raw.send(String(byte))
        }
        #expect(try await raw.read().hasSuffix("POST /x abc"))
        raw.close()
        await fixture.stop()
    }

    @Test func `A client that goes away in mid-request leaves nothing behind`() async throws {
        let fixture = try await Fixture()
        for text in [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", "GET /later HTTP/1.1\r\nHo", "",
        ] {
            let raw = try await RawConnection(port: fixture.port)
            try await raw.send(text)
            raw.close()
        }
        let raw = try await RawConnection(port: fixture.port)
        try await raw.send("GET /later/x HTTP/1.1\r\nHost: a\r\n\r\n")
        raw.close()
        await eventually { fixture.server.connections == 0 }
        await fixture.stop()
    }

    @Test func `A client that stops sending still gets its answer`() async throws {
        let fixture = try await Fixture()
        let raw = try await RawConnection(port: fixture.port)
        try await raw.send("GET /later/half HTTP/1.1\r\nHost: a\r\n\r\n")
        raw.finishSending()
        #expect(try await raw.read().contains("/later/half"))
        raw.close()
        await fixture.stop()
    }

    @Test func `2,000 idle connections are held and all still answer`() async throws {
        DescriptorLimit.raise()
        let fixture = try await Fixture()
        let client = HTTPClient(loops: fixture.loops)
        let connections = (0..<2_000).map { _ in client.connection(to: fixture.endpoint) }
        for round in 0..<2 {
            try await withThrowingTaskGroup { group in
                for connection in connections {
                    group.addTask {
                        let response = try await connection.send(HTTPRequest(.get, "/\(round)"))
                        #expect(response.status == 200)
                    }
                }
                try await group.waitForAll()
            }
            #expect(fixture.server.connections == 2_000)
        }
        for connection in connections { connection.close() }
        await eventually { fixture.server.connections == 0 }
        await fixture.stop()
    }

    @Test func `A reader that is slow gets every byte, and no request is answered ahead of it`() async throws
    {
        let answered = Lock(0)
        let body = [UInt8](repeating: 0x78, count: 1_000_000)
        let fixture = try await Fixture(loops: 1) { request in
            if request.path == "/small" { return .now(.text("small")) }
            answered.withLock { $0 += 1 }
            return .now(HTTPResponse(status: 200, body: body))
        }
        let raw = try await RawConnection(port: fixture.port, receiveBuffer: 65_536)
        let requests = String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 99)
        try await raw.send(requests + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        // The one loop answers this in between, so it has gone as far with the others as it could.
        let client = HTTPClient(loops: fixture.loops)
        for _ in 0..<20 { _ = try await client.send(HTTPRequest(.get, "/small"), to: fixture.endpoint) }
        #expect(answered.withLock { $0 } < 50)
        let all = try await raw.read()
        #expect(all.utf8.count > 100_000_000)
        #expect(answered.withLock { $0 } == 100)
        raw.close()
        await client.shutdown()
        await fixture.stop()
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 20_000))", 431),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n\(String(repeating: "b", count: 500_000))",
            413
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
    ])
    func `A bad request is told why, and its connection closed`(text: String, status: Int) async throws {
        let fixture = try await Fixture()
        let raw = try await RawConnection(port: fixture.port)
        try? await raw.send(text)
        let answer = try await raw.read()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("Connection: close"))
        #expect(answer.contains("application/problem+json"))
        raw.close()
        await fixture.stop()
    }

    @Test func `HEAD has a header only, and 100 Continue comes before the body`() async throws {
        let fixture = try await Fixture()
        let raw = try await RawConnection(port: fixture.port)
        try await raw.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try await raw.read { $0.hasSuffix("\r\n\r\n") }
        #expect(head.contains("Content-Length: 10"))
        try await raw.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try await raw.read { $0.hasSuffix("\r\n\r\n") } == "HTTP/1.1 100 Continue\r\n\r\n")
        try await raw.send("ok")
        #expect(try await raw.read { $0.hasSuffix("ok") }.hasPrefix("HTTP/1.1 200 OK"))
        raw.close()
        await fixture.stop()
    }

    @Test func `A slow header is timed out, an idle connection closed`() async throws {
        let configuration = HTTPServerConfiguration(
            headerTimeout: .milliseconds(20),
            bodyTimeout: .milliseconds(20),
            sweepInterval: .milliseconds(5)
        )
        let fixture = try await Fixture(configuration)
        for text in ["GET / HTTP", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na"] {
            let raw = try await RawConnection(port: fixture.port)
            try await raw.send(text)
            let answer = try await raw.read()
            #expect(answer.hasPrefix("HTTP/1.1 408 "), "\(answer)")
            raw.close()
        }
        await fixture.stop()

        let impatient = try await Fixture(
            HTTPServerConfiguration(idleTimeout: .milliseconds(20), sweepInterval: .milliseconds(5))
        )
        let idle = try await RawConnection(port: impatient.port)
        #expect(try await idle.read().isEmpty)
        idle.close()
        await impatient.stop()
    }

    @Test func `One connection too many is told 503`() async throws {
        let fixture = try await Fixture(HTTPServerConfiguration(maxConnections: 2))
        let first = try await RawConnection(port: fixture.port)
        let second = try await RawConnection(port: fixture.port)
        await eventually { fixture.server.connections == 2 }
        let third = try await RawConnection(port: fixture.port)
        #expect(try await third.read().hasPrefix("HTTP/1.1 503 "))
        for raw in [first, second, third] { raw.close() }
        await fixture.stop()
    }

    @Test func `A drain finishes what is in flight and refuses what is new`() async throws {
        let (started, signal) = AsyncStream.makeStream(of: CheckedContinuation<Void, Never>.self)
        let fixture = try await Fixture { _ in
            .later {
                await withCheckedContinuation { signal.yield($0) }
                return .text("finished")
            }
        }
        let idle = try await RawConnection(port: fixture.port)
        let busy = try await RawConnection(port: fixture.port)
        try await busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        var requests = started.makeAsyncIterator()
        let inFlight = await requests.next()
        await eventually { fixture.server.connections == 2 }
        async let drained: Void = fixture.server.drain(deadline: .seconds(30))
        #expect(try await idle.read().isEmpty)
        await #expect(throws: ReactorError.self) {
            while true { try await RawConnection(port: fixture.port).close() }
        }
        inFlight?.resume()
        let answer = try await busy.read()
        #expect(answer.contains("Connection: close") && answer.hasSuffix("finished"))
        await drained
        #expect(fixture.server.connections == 0)
        idle.close()
        busy.close()
        fixture.loops.stop()
    }

    @Test func `A port that is taken and an address that is none are one clear line`() async throws {
        let fixture = try await Fixture()
        let other = HTTPServer(loops: fixture.loops, handler: Fixture.echo)
        await #expect {
            try await other.start(address: "127.0.0.1", port: fixture.port)
        } throws: { error in
            "\(error)" == "cannot listen on 127.0.0.1:\(fixture.port): the port is in use by another program"
        }
        for (address, port) in [("nowhere", 80), ("127.0.0.1", 70_000), ("10.255.255.254", 8080)] {
            await #expect(throws: HTTPServerError.self) {
                try await other.start(address: address, port: port)
            }
        }
        await fixture.stop()
    }
}
