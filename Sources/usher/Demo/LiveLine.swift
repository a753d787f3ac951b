internal import HTTP
internal import Reactor

/// The sockets of those buyers who are told instead of asking, on the loop that these buyers live on.
final class LiveLine: WebSocketListener, @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.

    /// What a buyer hears.
    enum Word: Sendable {
        case opened
        case said(JSONValue)
        /// The time that was asked for has passed.
        case alarm
    }

    let loop: EventLoop
    private let address: SocketAddress
    private let target: String
    private var client: WebSocketClient?
    private var feeds: [Int64: AsyncStream<Word>.Continuation] = [:]
    private var greetings: [Int64: [UInt8]] = [:]
    private var next: Int64 = 0

    /// Prepares the sockets of one on-sale at one gateway; nil when that is named by something else than its address.
    init?(loop: EventLoop, endpoint: HTTPEndpoint, onSale: String) {
        guard let address = SocketAddress(literal: endpoint.host, port: UInt16(clamping: endpoint.port))
        else {
            return nil
        }
        (self.loop, self.address) = (loop, address)
        target = "/v1/on-sales/\(onSale)/live"
    }

    /// Opens a socket, shows the place's token, and hands on what is said until the socket ends.
    ///
    /// Whoever stops listening closes it.
    ///
    /// - Parameters:
    ///   - token: the place's.
    ///   - alarm: after this the buyer hears ``Word/alarm``, whatever is said or not.
    /// - Returns: what is heard; it ends with the socket.
    func follow(_ token: String, alarm: Duration) -> AsyncStream<Word> {
        let (words, feed) = AsyncStream.makeStream(of: Word.self)
        let greeting = JSONWriter.object { writer in
            writer.field("type", "place")
            writer.field("token", token)
        }
        loop.execute { [self] in open(feed, greeting, alarm) }
        return words
    }

    /// Drops every socket.
    func stop() {
        loop.execute { [self] in
            client?.shutdown()
            client = nil
        }
    }

    private func open(_ feed: AsyncStream<Word>.Continuation, _ greeting: [UInt8], _ alarm: Duration) {
        let client =
            client ?? WebSocketClient(loop: loop, configuration: .init(silence: .seconds(45)), listener: self)
        self.client = client
        let subject = next
        next += 1
        guard let socket = try? client.open(target, at: address, subject: subject) else {
            return feed.finish()
        }
        feeds[subject] = feed
        greetings[subject] = greeting
        feed.onTermination = { [loop] _ in loop.execute { client.close(socket) } }
        _ = loop.schedule(after: alarm) { [weak self] in self?.feeds[subject]?.yield(.alarm) }
    }

    func opened(_ socket: ClientSocket, on client: WebSocketClient) {
        if let greeting = greetings.removeValue(forKey: socket.subject) { client.send(greeting, on: socket) }
        feeds[socket.subject]?.yield(.opened)
    }

    func received(_ text: [UInt8], on socket: ClientSocket, client: WebSocketClient) {
        guard let value = try? JSONValue(parsing: text) else { return }
        feeds[socket.subject]?.yield(.said(value))
    }

    func ended(_ socket: ClientSocket, _ ending: WebSocketEnding, client: WebSocketClient) {
        greetings[socket.subject] = nil
        feeds.removeValue(forKey: socket.subject)?.finish()
    }
}
