import Reactor
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct HTTPClientTests {
    private typealias Fixture = HTTPServerTests.Fixture

    private func code(_ error: any Error) -> HTTPClientError.Code? {
        (error as? HTTPClientError)?.code
    }

    @Test func `Requests share a few connections, and all are answered`() async throws {
        let fixture = try await Fixture()
        let client = HTTPClient(loops: fixture.loops, configuration: .init(connectionsPerEndpoint: 4))
        try await withThrowingTaskGroup { group in
            for number in 0..<500 {
                group.addTask {
                    let request = HTTPRequest(.post, "/later/\(number)", body: Array("b\(number)".utf8))
                    let response = try await client.send(request, to: fixture.endpoint)
                    #expect(
                        String(decoding: response.body, as: UTF8.self) == "POST /later/\(number) b\(number)"
                    )
                }
            }
            try await group.waitForAll()
        }
        #expect(fixture.server.connections <= 4)
        await client.shutdown()
        await fixture.stop()
    }

    @Test func `A kept connection that the server closed is made again for an idempotent request`()
        async throws
    {
        let configuration = HTTPServerConfiguration(
            idleTimeout: .milliseconds(10),
            sweepInterval: .milliseconds(2)
        )
        let fixture = try await Fixture(configuration)
        let client = HTTPClient(loops: fixture.loops)
        let connection = client.connection(to: fixture.endpoint)
        for _ in 0..<3 {
            #expect(try await connection.send(HTTPRequest(.get, "/")).status == 200)
            #expect(try await client.send(HTTPRequest(.get, "/"), to: fixture.endpoint).status == 200)
            await eventually { fixture.server.connections == 0 }
        }
        await client.shutdown()
        await fixture.stop()
    }

    @Test func `A request without an answer times out, and its connection is not used again`() async throws {
        let fixture = try await Fixture { request in
            guard request.path == "/never" else { return .now(.text("ok")) }
            return .later {
                try? await Task.sleep(for: .seconds(3600))
                return .text("late")
            }
        }
        let client = HTTPClient(loops: fixture.loops, configuration: .init(connectionsPerEndpoint: 1))
        let own = client.connection(to: fixture.endpoint)
        await #expect {
            try await client.send(
                HTTPRequest(.get, "/never"),
                to: fixture.endpoint,
                timeout: .milliseconds(20)
            )
        } throws: { code($0) == .timedOut }
        await #expect {
            try await own.send(HTTPRequest(.get, "/never"), timeout: .milliseconds(20))
        } throws: { code($0) == .timedOut }
        #expect(try await client.send(HTTPRequest(.get, "/"), to: fixture.endpoint).status == 200)
        #expect(try await own.send(HTTPRequest(.get, "/")).status == 200)
        await client.shutdown()
        await fixture.stop()
    }

    @Test func `A cancelled task gets its error at once`() async throws {
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        let fixture = try await Fixture { _ in
            signal.yield()
            return .later {
                try? await Task.sleep(for: .seconds(3600))
                return .text("late")
            }
        }
        let client = HTTPClient(loops: fixture.loops)
        let task = Task { try await client.send(HTTPRequest(.get, "/"), to: fixture.endpoint) }
        for await _ in started { break }
        task.cancel()
        await #expect { try await task.value } throws: { code($0) == .cancelled }
        await client.shutdown()
        await fixture.stop()
    }

    @Test func `A client that is let go of without a shutdown closes its connections`() async throws {
        let fixture = try await Fixture()
        func talk() async throws {
            let client = HTTPClient(loops: fixture.loops)
            let own = client.connection(to: fixture.endpoint)
            #expect(try await own.send(HTTPRequest(.get, "/")).status == 200)
            #expect(try await client.send(HTTPRequest(.get, "/"), to: fixture.endpoint).status == 200)
            #expect(fixture.server.connections == 2)
        }
        try await talk()
        await eventually { fixture.server.connections == 0 }
        await fixture.stop()
    }

    @Test func `A client that is let go of after its loops have stopped is gone, and they with it`()
        async throws
    {
        weak var loop: EventLoop?
        func talk() async throws {
            let fixture = try await Fixture(loops: 1)
            loop = fixture.loops.loops[0]
            let client = HTTPClient(loops: fixture.loops)
            #expect(try await client.send(HTTPRequest(.get, "/"), to: fixture.endpoint).status == 200)
            await client.shutdown()
            await fixture.stop()
        }
        try await talk()
        await eventually { loop == nil }
    }

    @Test func `Errors tell what went wrong`() async throws {
        let fixture = try await Fixture()
        await fixture.server.drain(deadline: .zero)
        let client = HTTPClient(loops: fixture.loops)
        await #expect { try await client.send(HTTPRequest(.get, "/"), to: fixture.endpoint) } throws: {
            code($0) == .unreachable
        }
        await #expect {
            try await client.send(
                HTTPRequest(.get, "/"),
                to: HTTPEndpoint(host: "no-such-host.invalid", port: 80)
            )
        } throws: { code($0) == .unresolved }
        await client.shutdown()
        fixture.loops.stop()
    }

    @Test func `URLs name their endpoint`() {
        #expect(HTTPEndpoint(url: "http://127.0.0.1:8080/x") == HTTPEndpoint(host: "127.0.0.1", port: 8080))
        #expect(HTTPEndpoint(url: "http://example.org") == HTTPEndpoint(host: "example.org", port: 80))
        #expect(HTTPEndpoint(url: "http://[::1]:81/") == HTTPEndpoint(host: "::1", port: 81))
        #expect(HTTPEndpoint(url: "http://[::1]/") == HTTPEndpoint(host: "::1", port: 80))
        for bad in ["https://a", "a:80", "http://", "http://a:99999", "http://a:b"] {
            #expect(HTTPEndpoint(url: bad) == nil)
        }
    }
}
