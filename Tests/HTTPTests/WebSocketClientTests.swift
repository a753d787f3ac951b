import Reactor
import Testing

@testable import HTTP

/// The client's sockets, against the server's.
@Suite(.timeLimit(.minutes(5)))
struct WebSocketClientTests {
    /// Says again what it hears; ends with 4000 when it is told so.
    private final class Echo: ChannelHandler {
        func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
            loop.send(ChannelMessage(Array("hello".utf8)), to: channel)
        }

        func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop) {
            if text == Array("bye".utf8) { return loop.close(channel, code: 4000, reason: "as you like") }
            loop.send(ChannelMessage(text), to: channel)
        }

        func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {}
        func draining(on loop: ChannelLoop) {}
    }

    private enum Heard: Sendable, Equatable {
        case opened(Int64)
        case text(Int64, [UInt8])
        case ended(Int64, WebSocketEnding)
    }

    private final class Recorder: WebSocketListener, Sendable {
        private let heard: AsyncStream<Heard>
        private let feed: AsyncStream<Heard>.Continuation

        init() { (heard, feed) = AsyncStream.makeStream(of: Heard.self) }

        /// What was heard next, in order.
        func next() async -> Heard? {
            var iterator = heard.makeAsyncIterator()
            return await iterator.next()
        }

        func opened(_ socket: ClientSocket, on client: WebSocketClient) {
            feed.yield(.opened(socket.subject))
        }

        func received(_ text: [UInt8], on socket: ClientSocket, client: WebSocketClient) {
            feed.yield(.text(socket.subject, text))
        }

        func ended(_ socket: ClientSocket, _ ending: WebSocketEnding, client: WebSocketClient) {
            feed.yield(.ended(socket.subject, ending))
        }
    }

    /// A server, and a client whose loop has a descriptor table of its own.
    private struct Pair: Sendable {
        let fixture: HTTPServerTests.Fixture
        let loop: EventLoop
        let client: WebSocketClient
        let recorder: Recorder

        func open(_ path: String = "/socket", subject: Int64 = 1) async throws -> ClientSocket {
            let port = UInt16(fixture.port)
            return try await withCheckedThrowingContinuation { continuation in
                loop.execute {
                    continuation.resume(
                        with: Result {
                            guard let address = SocketAddress(literal: "127.0.0.1", port: port) else {
                                throw HTTPClientError(.unresolved, "no address")
                            }
                            return try client.open(path, at: address, subject: subject)
                        }
                    )
                }
            }
        }

        func send(_ text: [UInt8], on socket: ClientSocket) { loop.execute { client.send(text, on: socket) } }
        func close(_ socket: ClientSocket) { loop.execute { client.close(socket) } }
    }

    private func withPair(
        _ configuration: WebSocketClient.Configuration = .init(),
        server: HTTPServerConfiguration = HTTPServerConfiguration(),
        _ body: (Pair, Recorder) async throws -> Void
    ) async throws {
        let echo = Echo()
        let fixture = try await HTTPServerTests.Fixture(server, loops: 1) { request in
            switch request.path {
            case "/socket": .channel(ChannelOffer(.webSocket, subject: 7, handler: echo))
            case "/wrong":
                .now(
                    HTTPResponse(
                        status: 101,
                        headers: [
                            "Upgrade": "websocket", "Connection": "Upgrade",
                            "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                        ]
                    )
                )
            case "/not-a-socket":
                .now(
                    HTTPResponse(
                        status: 101,
                        headers: [
                            "Upgrade": "websocket", "Connection": "Upgrade",
                            "Sec-WebSocket-Accept": WebSocketHandshake.acceptance(
                                of: request.headers["Sec-WebSocket-Key"] ?? ""
                            ),
                        ]
                    )
                )
            default: .now(.text("plain"))
            }
        }
        let loop = try EventLoop(name: "sockets")
        let recorder = Recorder()
        let pair = Pair(
            fixture: fixture,
            loop: loop,
            client: WebSocketClient(loop: loop, configuration: configuration, listener: recorder),
            recorder: recorder
        )
        let result: Result<Void, any Error>
        do { result = .success(try await body(pair, recorder)) } catch { result = .failure(error) }
        loop.execute { pair.client.shutdown() }
        loop.stop()
        await fixture.stop()
        try result.get()
    }

    private static let hello = Array("hello".utf8)

    @Test func `Texts of every size go out masked and come back`() async throws {
        try await withPair(.init(messageLimit: 100_000)) { pair, heard in
            let socket = try await pair.open(subject: 5)
            #expect(await heard.next() == .opened(5))
            #expect(await heard.next() == .text(5, Self.hello))
            for size in [0, 1, 125, 126, 60_000] {
                let text = [UInt8](repeating: 0x61, count: size)
                pair.send(text, on: socket)
                #expect(await heard.next() == .text(5, text))
            }
        }
    }

    @Test func `The server's goodbye and ours are told with their codes`() async throws {
        try await withPair { pair, heard in
            let first = try await pair.open(subject: 1)
            #expect(await heard.next() == .opened(1))
            #expect(await heard.next() == .text(1, Self.hello))
            pair.send(Array("bye".utf8), on: first)
            #expect(await heard.next() == .ended(1, .closed(code: 4000)))

            let second = try await pair.open(subject: 2)
            #expect(await heard.next() == .opened(2))
            #expect(await heard.next() == .text(2, Self.hello))
            // It has the slot of the first, which is nobody's any more.
            #expect(second.slot == first.slot && second != first)
            pair.send(Array("to nobody".utf8), on: first)
            pair.close(first)
            pair.send(Array("to somebody".utf8), on: second)
            #expect(await heard.next() == .text(2, Array("to somebody".utf8)))
            pair.close(second)
            #expect(await heard.next() == .ended(2, .closed(code: 1000)))
        }
    }

    @Test func `Hundreds live on one loop, each with its own number`() async throws {
        try await withPair { pair, heard in
            let count = 400
            for subject in 0..<count { _ = try await pair.open(subject: Int64(subject)) }
            var opened: Set<Int64> = []
            var greeted: Set<Int64> = []
            while greeted.count < count {
                switch await heard.next() {
                case .opened(let subject): opened.insert(subject)
                case .text(let subject, let text):
                    #expect(text == Self.hello && opened.contains(subject))
                    greeted.insert(subject)
                case let other:
                    Issue.record("\(String(describing: other))")
                    return
                }
            }
            #expect(opened == Set(0..<Int64(count)))
            await pair.fixture.server.drain(deadline: .seconds(20))
            var ended: Set<Int64> = []
            while ended.count < count {
                if case .ended(let subject, .closed(code: 1001)) = await heard.next() {
                    ended.insert(subject)
                }
            }
        }
    }

    @Test(arguments: [
        ("/plain", WebSocketEnding.refused(status: 200)),
        ("/wrong", .lost("a handshake that proves nothing")),
    ])
    func `An answer that is no handshake opens nothing`(path: String, ending: WebSocketEnding) async throws {
        try await withPair { pair, heard in
            _ = try await pair.open(path)
            #expect(await heard.next() == .ended(1, ending))
        }
    }

    @Test func `Bytes that are no frames end the socket`() async throws {
        try await withPair { pair, heard in
            let socket = try await pair.open("/not-a-socket")
            #expect(await heard.next() == .opened(1))
            // A server that only knows HTTP says that this is none.
            pair.send(Array("hello".utf8), on: socket)
            #expect(await heard.next() == .ended(1, .lost("a reserved bit is set")))
        }
    }

    @Test func `A port that nobody listens on is told as lost`() async throws {
        try await withPair { pair, heard in
            await pair.fixture.server.drain(deadline: .zero)
            _ = try await pair.open()
            #expect(await heard.next() == .ended(1, .lost("Connection refused")))
        }
    }

    @Test func `A server that says nothing is let go, and one that asks is answered`() async throws {
        let server = HTTPServerConfiguration(
            sweepInterval: .milliseconds(20),
            pingInterval: .milliseconds(50)
        )
        try await withPair(server: server) { pair, heard in
            let socket = try await pair.open()
            #expect(await heard.next() == .opened(1))
            #expect(await heard.next() == .text(1, Self.hello))
            // Time enough for a server to give a client up that never answers.
            try await Task.sleep(for: .milliseconds(600))
            pair.send(Array("still here".utf8), on: socket)
            #expect(await heard.next() == .text(1, Array("still here".utf8)))
        }
        try await withPair(.init(silence: .milliseconds(10))) { pair, heard in
            _ = try await pair.open()
            #expect(await heard.next() == .opened(1))
            #expect(await heard.next() == .text(1, Self.hello))
            #expect(await heard.next() == .ended(1, .silent))
        }
    }
}
