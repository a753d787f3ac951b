import Reactor
import TestSupport

@testable import HTTP

/// A server with something of everything for real clients and proxies to ask for, and a count of who has asked.
final class PeerServer: ChannelHandler {
    /// What has reached it.
    struct Seen: Sendable {
        /// Requests, by path.
        var requests: [String: Int] = [:]
        /// The ports that they came from: one for each connection.
        var ports: [String: Set<UInt16>] = [:]
    }

    let seen = Lock(Seen())
    /// The page's socket has said all that it has to.
    private let done = Lock<(isSet: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    /// Runs one on a port of 127.0.0.1.
    static func with(
        _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        _ body: (PeerServer, Int) async throws -> Void
    ) async throws {
        var configuration = configuration
        // Load from one address is all that there is here.
        configuration.trustedProxies = AddressRange.loopback
        let peer = PeerServer()
        let fixture = try await HTTPServerTests.Fixture(configuration) { peer.answer($0) }
        do {
            try await body(peer, fixture.port)
        } catch {
            peer.finish()
            await fixture.stop()
            throw error
        }
        peer.finish()
        await fixture.stop()
    }

    private func answer(_ request: HTTPRequest) -> Reply {
        seen.withLock { seen in
            seen.requests[request.path, default: 0] += 1
            if let port = request.remoteAddress?.port { seen.ports[request.path, default: []].insert(port) }
        }
        switch request.path {
        case "/status":
            let headers: HTTPHeaders = [
                "Cache-Control": "public, s-maxage=600, stale-while-revalidate=5", "ETag": "\"1-a\"",
            ]
            return .now(.json(Array(#"{"state": "admitting"}"#.utf8), headers: headers))
        case "/upload": return .now(.text("\(request.body.count) bytes"))
        case "/who": return .now(.text(request.remoteAddress?.host ?? "nobody"))
        case "/socket": return .channel(ChannelOffer(.webSocket, subject: 7, handler: self))
        case "/page": return .now(page())
        case "/done":
            finish()
            return .now(HTTPResponse(status: 204))
        // The page is not loaded, and so not looked at, before this is.
        case "/wait.svg":
            return .later {
                await self.finished()
                return HTTPResponse(status: 204)
            }
        default: return .now(.text("plain"))
        }
    }

    /// A page that speaks to the socket, and writes down what it hears.
    private func page() -> HTTPResponse {
        let text = """
            <!doctype html><pre id="heard"></pre><img src="/wait.svg">
            <script>
            const note = (text) => { document.getElementById("heard").textContent += text + "\\n" }
            const socket = new WebSocket(`ws://${location.host}/socket`)
            const said = ["gr\u{FC}\u{DF}e", "x".repeat(60000), "bye"]
            socket.onmessage = ({ data }) => {
                note("heard " + (data.length < 100 ? data : data.length))
                socket.send(said.shift())
            }
            socket.onclose = ({ code, reason, wasClean }) => {
                note(`closed ${code} ${reason} ${wasClean}`)
                fetch("/done")
            }
            </script>
            """
        return HTTPResponse(
            status: 200,
            headers: ["Content-Type": "text/html; charset=utf-8"],
            body: Array(text.utf8)
        )
    }

    private func finished() async {
        await withCheckedContinuation { continuation in
            let isSet = done.withLock { done in
                if !done.isSet { done.waiting.append(continuation) }
                return done.isSet
            }
            if isSet { continuation.resume() }
        }
    }

    private func finish() {
        let waiting = done.withLock { done in
            defer { done = (true, []) }
            return done.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: The socket

    func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
        loop.send(ChannelMessage(Array("hello \(subject)".utf8)), to: channel)
    }

    func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop) {
        if text == Array("bye".utf8) { return loop.close(channel, code: 4000, reason: "as you like") }
        loop.send(ChannelMessage(text), to: channel)
    }

    func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {}

    func draining(on loop: ChannelLoop) {}
}
