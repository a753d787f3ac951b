import Foundation
import Reactor
import TestSupport
import Testing

@testable import HTTP

/// One client's share of a server, over real sockets; whoever is on this machine is limited here.
@Suite(.timeLimit(.minutes(5)))
struct TrafficLimitTests {
    private func withServer(
        _ change: (inout HTTPServerConfiguration) -> Void,
        handler: @escaping @Sendable (HTTPRequest) -> Reply = HTTPServerTests.Fixture.echo,
        _ body: (HTTPServerTests.Fixture) async throws -> Void
    ) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.traffic = TrafficLimits(clientRate: nil, tokenRate: nil, exempt: [])
        change(&configuration)
        let fixture = try await HTTPServerTests.Fixture(configuration, handler: handler)
        do {
            try await body(fixture)
        } catch {
            await fixture.stop()
            throw error
        }
        await fixture.stop()
    }

    /// Sends requests on one connection, and gives the statuses of the answers and the header of the last.
    private func statuses(
        _ fixture: HTTPServerTests.Fixture,
        _ fields: [String]
    ) async throws -> (statuses: [Int], last: String) {
        let raw = try await RawConnection(port: fixture.port)
        defer { raw.close() }
        for (index, field) in fields.enumerated() {
            let last = index == fields.count - 1 ? "Connection: close\r\n" : ""
            try await raw.send("GET / HTTP/1.1\r\nHost: a\r\n\(field)\(last)\r\n")
        }
        let answer = try await raw.read()
        let parts = answer.components(separatedBy: "HTTP/1.1 ").dropFirst()
        return (parts.compactMap { Int($0.prefix(3)) }, parts.last ?? "")
    }

    @Test
    func `More requests than a client's burst are 429, with the time to wait, and the connection stays`()
        async throws
    {
        try await withServer {
            $0.traffic.clientRate = RequestRate(perSecond: 0.01, burst: 3)
        } _: { fixture in
            let (statuses, last) = try await statuses(fixture, Array(repeating: "", count: 5))
            #expect(statuses == [200, 200, 200, 429, 429])
            #expect(last.contains("Retry-After: 100\r\n") || last.contains("Retry-After: 99\r\n"))
            #expect(last.contains("\"too_many_requests\""))
        }
    }

    @Test func `A token has a rate of its own, whatever address it comes from`() async throws {
        try await withServer {
            $0.traffic.tokenRate = RequestRate(perSecond: 0.01, burst: 2)
            $0.trustedProxies = [AddressRange("127.0.0.0/8")!]
        } _: { fixture in
            let asked = [
                "Authorization: Bearer a\r\nX-Forwarded-For: 198.51.100.1\r\n",
                "Authorization: Bearer a\r\nX-Forwarded-For: 198.51.100.2\r\n",
                "Authorization: Bearer a\r\nX-Forwarded-For: 198.51.100.3\r\n",
                "Authorization: Bearer b\r\nX-Forwarded-For: 198.51.100.3\r\n",
                "X-Forwarded-For: 198.51.100.3\r\n",
                "Cookie: usher_place=c\r\nX-Forwarded-For: 198.51.100.3\r\n",
                "Cookie: usher_place=c\r\nX-Forwarded-For: 198.51.100.4\r\n",
                "Cookie: usher_place=c\r\nX-Forwarded-For: 198.51.100.4\r\n",
            ]
            let answered = try await statuses(fixture, asked).statuses
            #expect(answered == [200, 200, 429, 200, 200, 200, 200, 429])
        }
    }

    @Test func `Behind a proxy each client has its own rate, and the proxy none`() async throws {
        try await withServer {
            $0.traffic.clientRate = RequestRate(perSecond: 0.01, burst: 1)
            $0.trustedProxies = [AddressRange("127.0.0.1")!]
        } _: { fixture in
            func from(_ address: String) -> String { "X-Forwarded-For: 6.6.6.6, \(address)\r\n" }
            let asked = [
                from("198.51.100.1"), from("198.51.100.2"), from("198.51.100.1"), from("2001:db8::1"),
                from("2001:db8::2"), "", "", "",
            ]
            let answered = try await statuses(fixture, asked).statuses
            #expect(answered == [200, 200, 429, 200, 429, 200, 200, 200])
        }
    }

    @Test func `Whoever is exempt is not limited`() async throws {
        try await withServer {
            $0.traffic = TrafficLimits(
                clientRate: RequestRate(perSecond: 0.01, burst: 1),
                tokenRate: RequestRate(perSecond: 0.01, burst: 1),
                connectionsPerClient: 1
            )
        } _: { fixture in
            let other = try await RawConnection(port: fixture.port)
            let asked = Array(repeating: "Authorization: Bearer a\r\n", count: 4)
            let answered = try await statuses(fixture, asked).statuses
            #expect(answered == [200, 200, 200, 200])
            other.close()
        }
    }

    @Test func `One connection too many of a client is told so, and room is made by one that goes`()
        async throws
    {
        try await withServer {
            $0.traffic.connectionsPerClient = 2
        } _: { fixture in
            let first = try await RawConnection(port: fixture.port)
            let second = try await RawConnection(port: fixture.port)
            for raw in [first, second] {
                try await raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await raw.read { $0.contains("GET / ") }
            }
            let third = try await RawConnection(port: fixture.port)
            let answer = try await third.read()
            #expect(answer.hasPrefix("HTTP/1.1 429 "))
            #expect(answer.contains("too_many_connections_of_client"))
            #expect(answer.contains("Retry-After: 5"))
            third.close()
            first.close()
            await eventually { fixture.server.connections == 1 }
            let answered = try await statuses(fixture, [""]).statuses
            #expect(answered == [200])
            second.close()
        }
    }

    @Test func `Beyond the memory it may use it answers 503, and recovers`() async throws {
        try await withServer {
            $0.traffic.bufferedBytes = 100_000
        } _: { fixture in
            let hoarder = try await RawConnection(port: fixture.port)
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
            try await hoarder.send(head + String(repeating: "x", count: 150_000))
            // Whoever made it too much is let go, so others are served again.
            let answer = try await hoarder.read()
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
            #expect(answer.contains("\"overloaded\""))
            #expect(answer.contains("Retry-After: 1"))
            hoarder.close()
            await eventually { fixture.server.connections == 0 }
            let answered = try await statuses(fixture, [""]).statuses
            #expect(answered == [200])
        }
    }

    @Test func `Bodies in the hands of handlers count as well`() async throws {
        let gate = AsyncStream<Void>.makeStream()
        let waiting = Lock<AsyncStream<Void>.Iterator?>(gate.stream.makeAsyncIterator())
        try await withServer {
            $0.traffic.bufferedBytes = 80_000
        } handler: { request in
            guard request.path == "/slow" else { return .now(.text("now")) }
            return .later {
                var iterator = waiting.withLock { $0.take() }
                _ = await iterator?.next()
                return .text("\(request.body.count)")
            }
        } _: { fixture in
            let slow = try await RawConnection(port: fixture.port)
            let head = "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 79000\r\n\r\n"
            try await slow.send(head + String(repeating: "x", count: 79_000))
            let other = try await RawConnection(port: fixture.port)
            let half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n"
            try await other.send(half + String(repeating: "x", count: 5_000))
            var refused = false
            while !refused { refused = try await statuses(fixture, [""]).statuses == [503] }
            gate.continuation.yield()
            gate.continuation.finish()
            let answer = try await slow.read { $0.contains("79000") }
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            slow.close()
            other.close()
            await eventually { fixture.server.connections == 0 }
            let answered = try await statuses(fixture, [""]).statuses
            #expect(answered == [200])
        }
    }

    // MARK: Proxies

    @Test(arguments: ["PROXY TCP4 198.51.100.9 203.0.113.1 4711 443\r\n", "PROXY UNKNOWN\r\n"])
    func `A PROXY header says whom a connection is for`(_ header: String) async throws {
        try await withServer {
            $0.expectsProxyHeader = true
            $0.trustedProxies = [AddressRange("127.0.0.1")!]
        } handler: { request in
            .now(.text("from \(request.remoteAddress?.host ?? "nobody")"))
        } _: { fixture in
            let raw = try await RawConnection(port: fixture.port)
            // Its own word about whom it asks for counts for nothing: it is no proxy.
            let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
            for byte in Array((header + request).utf8) { try await raw.send([byte]) }
            let answer = try await raw.read { $0.contains("from ") }
            let expected = header.contains("TCP4") ? "198.51.100.9" : "6.6.6.6"
            #expect(answer.hasSuffix("from \(expected)"))
            raw.close()
        }
    }

    @Test func `Without a PROXY header, or from a stranger, nothing is served where one is expected`()
        async throws
    {
        try await withServer {
            $0.expectsProxyHeader = true
            $0.trustedProxies = [AddressRange("127.0.0.1")!]
        } _: { fixture in
            let raw = try await RawConnection(port: fixture.port)
            try await raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            // Bytes that nobody read reset the connection.
            #expect(((try? await raw.read()) ?? "") == "")
            raw.close()
        }
        try await withServer {
            $0.expectsProxyHeader = true
            $0.trustedProxies = [AddressRange("10.0.0.0/8")!]
        } _: { fixture in
            let raw = try await RawConnection(port: fixture.port)
            // Bytes that nobody read reset the connection.
            #expect(((try? await raw.read()) ?? "") == "")
            raw.close()
        }
    }

    @Test func `Connections that a balancer passes on count for their clients`() async throws {
        try await withServer {
            $0.expectsProxyHeader = true
            $0.trustedProxies = [AddressRange("127.0.0.1")!]
            $0.traffic.connectionsPerClient = 1
        } _: { fixture in
            func connect(_ client: String) async throws -> (RawConnection, String) {
                let raw = try await RawConnection(port: fixture.port)
                try await raw.send(
                    "PROXY TCP4 \(client) 203.0.113.1 4711 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
                )
                let answer = try await raw.read { $0.contains("GET / ") || $0.contains("}") }
                return (raw, String(answer.prefix(12)))
            }
            let first = try await connect("198.51.100.1")
            let second = try await connect("198.51.100.2")
            let third = try await connect("198.51.100.1")
            #expect([first.1, second.1, third.1] == ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 429"])
            for raw in [first.0, second.0, third.0] { raw.close() }
        }
    }

    // MARK: Names

    @Test func `Every answer has a name of its own; a trusted proxy may give it`() async throws {
        try await withServer {
            $0.trustedProxies = [AddressRange("127.0.0.2")!]
        } handler: {
            .now(.text($0.id))
        } _: { fixture in
            let client = HTTPClient(loops: fixture.loops)
            var seen: Set<String> = []
            for _ in 0..<50 {
                let asked = HTTPRequest(.get, "/", headers: ["X-Request-Id": "mine"])
                let response = try await client.send(asked, to: fixture.endpoint)
                let name = try #require(response.headers["X-Request-Id"])
                #expect(name == String(decoding: response.body, as: UTF8.self))
                #expect(name.count == 13)
                seen.insert(name)
            }
            #expect(seen.count == 50)
            await client.shutdown()
        }
        try await withServer {
            $0.trustedProxies = [AddressRange("127.0.0.1")!]
        } _: { fixture in
            let client = HTTPClient(loops: fixture.loops)
            for (given, isKept) in [
                ("abc-1", true), ("a b", false), ("", false), (String(repeating: "x", count: 65), false),
            ] {
                let asked = HTTPRequest(.get, "/", headers: ["X-Request-Id": given])
                let response = try await client.send(asked, to: fixture.endpoint)
                #expect((response.headers["X-Request-Id"] == given) == isKept)
            }
            await client.shutdown()
        }
    }
}
