internal import HTTP
internal import Reactor

/// The listening sockets of one loop: opened a few at a time, and counted when they hear something.
final class ListeningCrowd: WebSocketListener, @unchecked Sendable {
    // Sendable: everything but the tally is touched on the loop's thread only.

    /// A state of the on-sale, as one gateway tells it.
    struct Round: Sendable, Hashable {
        var gateway: Int
        var seq: Int
    }

    /// How many have heard it, and when.
    struct Hearing: Sendable {
        var count = 0
        var first: MonotonicTime
        var last: MonotonicTime

        static func + (left: Self, right: Self) -> Self {
            Self(
                count: left.count + right.count,
                first: min(left.first, right.first),
                last: max(left.last, right.last)
            )
        }
    }

    struct Tally: Sendable {
        var open = 0
        var lost = 0
        var heard: [Round: Hearing] = [:]
    }

    /// Handshakes under way at a time: more would only wait at the listener.
    private static let window = 256

    let tally = Lock(Tally())
    private let loop: EventLoop
    private let target: String
    private let gateways: [SocketAddress]
    private let count: Int
    private var client: WebSocketClient?
    private var begun = 0

    /// Prepares so many sockets, shared out over the gateways.
    init(loop: EventLoop, target: String, gateways: [SocketAddress], count: Int) {
        (self.loop, self.target, self.gateways, self.count) = (loop, target, gateways, count)
    }

    /// Begins to open them.
    func start(from sources: [SocketAddress]) {
        loop.execute { [self] in
            let client = WebSocketClient(loop: loop, configuration: .init(sources: sources), listener: self)
            self.client = client
            for _ in 0..<min(Self.window, count) { next(client) }
        }
    }

    /// Drops them.
    func stop() {
        loop.execute { [self] in
            client?.shutdown()
            client = nil
        }
    }

    private func next(_ client: WebSocketClient) {
        guard begun < count else { return }
        let gateway = begun % gateways.count
        begun += 1
        do {
            try client.open(target, at: gateways[gateway], subject: Int64(gateway))
        } catch {
            tally.withLock { $0.lost += 1 }
        }
    }

    func opened(_ socket: ClientSocket, on client: WebSocketClient) {
        tally.withLock { $0.open += 1 }
        next(client)
    }

    func received(_ text: [UInt8], on socket: ClientSocket, client: WebSocketClient) {
        guard let seq = ResponseGlance.number("seq", in: text[...]) else { return }
        let round = Round(gateway: Int(socket.subject), seq: seq)
        tally.withLock { tally in
            let now = MonotonicTime.now
            tally.heard[round, default: .init(first: now, last: now)].count += 1
            tally.heard[round]?.last = now
        }
    }

    func ended(_ socket: ClientSocket, _ ending: WebSocketEnding, client: WebSocketClient) {
        guard ending != .shutDown else { return }
        tally.withLock { $0.lost += 1 }
        next(client)
    }
}
