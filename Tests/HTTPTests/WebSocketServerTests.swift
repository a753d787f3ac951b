import Reactor
import TestSupport
import Testing

@testable import HTTP

/// Channels over real sockets.
@Suite(.timeLimit(.minutes(5)))
struct WebSocketServerTests {
    /// Says again what it hears, and keeps who is there.
    private final class Echo: ChannelHandler {
        let open = Lock<Set<Channel>>([])
        let closings = Lock(0)

        func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
            _ = open.withLock { $0.insert(channel) }
            loop.send(ChannelMessage(Array("hello \(subject)".utf8), id: 1), to: channel)
        }

        func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop) {
            if text == Array("bye".utf8) { return loop.close(channel, code: 4000, reason: "as you like") }
            loop.send(ChannelMessage(text), to: channel)
        }

        func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
            _ = open.withLock { $0.remove(channel) }
            closings.withLock { $0 += 1 }
        }

        func draining(on loop: ChannelLoop) {
            for channel in open.withLock({ $0 }) where channel.loop == loop.index {
                loop.send(ChannelMessage(Array("last".utf8)), to: channel)
            }
        }
    }

    private func withServer(
        _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        _ body: (HTTPServerTests.Fixture, Echo) async throws -> Void
    ) async throws {
        let echo = Echo()
        let fixture = try await HTTPServerTests.Fixture(configuration, loops: 1) { request in
            switch request.path {
            case "/socket": .channel(ChannelOffer(.webSocket, subject: 7, handler: echo))
            case "/events": .channel(ChannelOffer(.eventStream, subject: 7, handler: echo))
            default: .now(.text("plain"))
            }
        }
        do {
            try await body(fixture, echo)
        } catch {
            await fixture.stop()
            throw error
        }
        await fixture.stop()
    }

    private func connect(
        _ fixture: HTTPServerTests.Fixture,
        early: [UInt8] = []
    ) async throws -> WebSocketPeer {
        var peer = try await WebSocketPeer(port: fixture.port, path: "/socket", early: early)
        #expect(try await peer.next() == .text(Array("hello 7".utf8)))
        return peer
    }

    @Test func `Both sides speak, in messages and pings of any size`() async throws {
        try await withServer { fixture, echo in
            // What comes with the handshake's last byte is heard as well.
            let early = WebSocketEncoder.frame(.text, Array("early".utf8), mask: [9, 8, 7, 6])
            var client = try await connect(fixture, early: early)
            #expect(try await client.next() == .text(Array("early".utf8)))
            for size in [0, 1, 125, 126, 60_000] {
                let text = [UInt8](repeating: 0x61, count: size)
                try await client.send(.text(text))
                #expect(try await client.next() == .text(text))
            }
            try await client.send(.ping([1, 2, 3]))
            #expect(try await client.next() == .pong([1, 2, 3]))
            try await client.send(.close(code: 1000, reason: []))
            #expect(try await client.next() == .close(code: 1000, reason: []))
            client.raw.finishSending()
            #expect(try await client.next() == nil)
            await eventually { echo.closings.withLock { $0 } == 1 }
            let isGone = echo.open.withLock(\.isEmpty)
            #expect(isGone)
            client.raw.close()
        }
    }

    @Test func `Python's websockets says and hears texts of any size, whole and in parts`() async throws {
        try await withServer(HTTPServerConfiguration(messageLimit: 100_000)) { fixture, _ in
            let lines = try await PythonScript.run(
                "websocket_peer.py",
                "echo",
                "ws://127.0.0.1:\(fixture.port)/socket"
            )
            #expect(lines == ["closed 1003 only texts are taken here"])
        }
    }

    @Test func `The server closes with a code and a reason, and hears nothing after`() async throws {
        try await withServer { fixture, _ in
            var client = try await connect(fixture)
            try await client.send(.text(Array("bye".utf8)))
            try await client.send(.text(Array("more".utf8)))
            #expect(try await client.next() == .close(code: 4000, reason: Array("as you like".utf8)))
            client.raw.finishSending()
            #expect(try await client.next() == nil)
            client.raw.close()
        }
    }

    @Test func `A fault is answered with its close code`() async throws {
        try await withServer(HTTPServerConfiguration(messageLimit: 1000)) { fixture, _ in
            for (bytes, code) in [
                ([0x83, 0x80, 1, 2, 3, 4] as [UInt8], 1002 as UInt16),
                ([0x81, 0x01, 0x61], 1002),
                (WebSocketEncoder.frame(.text, [0xFF], mask: [1, 2, 3, 4]), 1007),
                (
                    WebSocketEncoder.frame(.text, [UInt8](repeating: 0x61, count: 1001), mask: [1, 2, 3, 4]),
                    1009
                ),
                (WebSocketEncoder.frame(.binary, [1], mask: [1, 2, 3, 4]), 1003),
            ] {
                var client = try await connect(fixture)
                try await client.raw.send(bytes)
                guard case .close(let given, let reason) = try await client.next() else {
                    Issue.record("not closed after \(bytes)")
                    continue
                }
                #expect(given == code && !reason.isEmpty)
                client.raw.finishSending()
                #expect(try await client.next() == nil)
                client.raw.close()
            }
        }
    }

    @Test func `A handshake that is none is refused by HTTP`() async throws {
        try await withServer { fixture, _ in
            for (changes, status) in [
                (["Sec-WebSocket-Version": "8"], "426"), (["Sec-WebSocket-Version": nil], "426"),
                (["Sec-WebSocket-Key": nil], "400"), (["Sec-WebSocket-Key": "short"], "400"),
                (["Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR=="], "400"), (["Connection": "close"], "400"),
                (["Content-Length": "0"], "101"),
            ] as [([String: String?], String)] {
                let raw = try await RawConnection(port: fixture.port)
                try await raw.send(WebSocketPeer.handshake("/socket", changes))
                let answer = try await raw.read { $0.contains("\r\n\r\n") }
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(changes): \(answer)")
                if status == "426" {
                    #expect(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "\(answer)")
                }
                raw.close()
            }
        }
    }

    @Test func `Who says nothing is asked, and who doesn't answer is let go`() async throws {
        let configuration = HTTPServerConfiguration(
            sweepInterval: .milliseconds(10),
            pingInterval: .milliseconds(500)
        )
        try await withServer(configuration) { fixture, echo in
            var client = try await connect(fixture)
            // On a machine that is busy an answer may come too late for the server's half second, and never before.
            try await client.send(.pong([]))
            #expect(try await client.next() == .ping([]))
            // Two pings without an answer are enough.
            var unanswered = 1
            while let event = try await client.next() {
                #expect(event == .ping([]))
                unanswered += 1
            }
            #expect(unanswered == 2)
            await eventually { echo.open.withLock(\.isEmpty) }
            client.raw.close()
        }
    }

    @Test func `Who never reads is let go, and costs the others nothing`() async throws {
        try await withServer { fixture, echo in
            let deaf = try await RawConnection(port: fixture.port, receiveBuffer: 4096)
            try await deaf.send(WebSocketPeer.handshake("/socket"))
            await eventually { echo.open.withLock(\.count) == 1 }
            let first = echo.open.withLock(\.first)
            let channel = try #require(first)
            var client = try await connect(fixture)
            let large = ChannelMessage([UInt8](repeating: 0x61, count: 100_000))
            fixture.server.onEachLoop { loop in
                // What can wait for a later one is left out, once the first fills the way.
                for _ in 0..<1000 { loop.send(large, to: channel, canWait: false) }
            }
            try await client.send(.text(Array("still there?".utf8)))
            #expect(try await client.next() == .text(Array("still there?".utf8)))
            let both = echo.open.withLock(\.count)
            #expect(both == 2)
            fixture.server.onEachLoop { loop in for _ in 0..<1000 { loop.send(large, to: channel) } }
            await eventually { echo.open.withLock(\.count) == 1 }
            try await client.send(.text(Array("and now?".utf8)))
            #expect(try await client.next() == .text(Array("and now?".utf8)))
            deaf.close()
            client.raw.close()
        }
    }

    @Test func `A stream of events is chunked, or bare for old clients, and HEAD opens none`() async throws {
        try await withServer { fixture, echo in
            let raw = try await RawConnection(port: fixture.port)
            try await raw.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            let first = try await raw.read { $0.contains("hello 7") }
            #expect(first.contains("\r\nContent-Type: text/event-stream\r\n"), "\(first)")
            #expect(first.hasSuffix("\r\n\r\n15\r\nid: 1\ndata: hello 7\n\n\r\n"), "\(first)")
            raw.close()
            let old = try await RawConnection(port: fixture.port)
            try await old.send("GET /events HTTP/1.0\r\n\r\n")
            let bare = try await old.read { $0.contains("hello 7") }
            #expect(bare.hasSuffix("\r\n\r\nid: 1\ndata: hello 7\n\n"), "\(bare)")
            #expect(!bare.contains("chunked") && bare.contains("\r\nConnection: close\r\n"), "\(bare)")
            old.close()
            await eventually { echo.open.withLock(\.isEmpty) }
            let head = try await RawConnection(port: fixture.port)
            try await head.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let both = try await head.read { $0.hasSuffix("plain") }
            #expect(both.contains("text/event-stream") && both.hasSuffix("plain"), "\(both)")
            head.close()
        }
    }

    @Test func `A server that stops says a last word and goodbye`() async throws {
        try await withServer { fixture, echo in
            var client = try await connect(fixture)
            let events = try await RawConnection(port: fixture.port)
            try await events.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            await eventually { echo.open.withLock(\.count) == 2 }
            let server = fixture.server
            async let drained: Void = server.drain(deadline: .seconds(10))
            #expect(try await client.next() == .text(Array("last".utf8)))
            guard case .close(1001, _) = try await client.next() else {
                Issue.record("no goodbye")
                return
            }
            client.raw.finishSending()
            #expect(try await client.next() == nil)
            let rest = try await events.read()
            #expect(rest.hasSuffix("data: last\n\n\r\n0\r\n\r\n"), "\(rest)")
            events.close()
            await drained
            client.raw.close()
        }
    }
}
