internal import Reactor

/// A connection on which the server speaks whenever it has something to say: a WebSocket, or a stream of events.
///
/// It is a number, not an object; what its handler wants to know of it the handler keeps. All calls are made on the
/// connection's loop.
public struct Channel: Sendable, Hashable {
    /// How the messages travel.
    public enum Kind: UInt8, Sendable {
        /// RFC 6455; both sides speak.
        case webSocket
        /// Server-sent events (WHATWG HTML §9.2); the client only listens.
        case eventStream
    }

    /// The loop that the connection lives on, from 0.
    public let loop: Int
    /// How the messages travel.
    public let kind: Kind
    let slot: Int
    let generation: UInt32
}

/// What a request is answered with to open a channel.
public struct ChannelOffer: Sendable {
    let kind: Channel.Kind
    let subject: Int64
    let handler: any ChannelHandler
    let whenOpen: (@Sendable (Channel, ChannelLoop) -> Void)?
    /// The name of what answered, for the access log.
    public var call = ""

    /// Makes an offer.
    ///
    /// - Parameters:
    ///   - kind: how the messages travel.
    ///   - subject: what the channel is about, in the handler's own numbers.
    ///   - handler: is told what happens; one serves all its channels.
    ///   - whenOpen: is called once, after the handler was told.
    public init(
        _ kind: Channel.Kind,
        subject: Int64,
        handler: any ChannelHandler,
        whenOpen: (@Sendable (Channel, ChannelLoop) -> Void)? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.handler = handler
        self.whenOpen = whenOpen
    }
}

/// What happens on channels; called on the channel's loop, which it must not block.
public protocol ChannelHandler: AnyObject, Sendable {
    /// The channel is open: messages may be sent.
    func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop)
    /// The client has said something, which only those of WebSockets can; the bytes are UTF-8.
    func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop)
    /// The channel is gone; nothing can be sent any more.
    func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop)
    /// The server stops: what is sent now is the last that channels hear before they are closed.
    func draining(on loop: ChannelLoop)
}

/// A message, laid out once for both kinds of channel, however many it is sent to.
public struct ChannelMessage: Sendable {
    let frame: [UInt8]
    let event: [UInt8]

    /// Lays out a text.
    ///
    /// - Parameters:
    ///   - text: one line of UTF-8, as JSON is.
    ///   - id: what a client that comes back says it has seen.
    public init(_ text: [UInt8], id: Int64? = nil) {
        frame = WebSocketEncoder.frame(.text, text)
        var lines: [UInt8] = []
        if let id { lines += Array("id: \(id)\n".utf8) }
        lines += Array("data: ".utf8) + text + Array("\n\n".utf8)
        event = ChannelMessage.chunk(lines)
    }

    static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
    }
}

/// What can be done with the channels of one loop, on that loop.
public struct ChannelLoop: Sendable {
    let loop: ServerLoop

    /// Which loop it is, from 0.
    public var index: Int { loop.index }

    /// Sends a message.
    ///
    /// - Parameters:
    ///   - message: what to send.
    ///   - channel: to whom.
    ///   - canWait: false leaves the message out while the client has not taken the one before: for what a later message
    ///     says as well.
    /// - Returns: whether it was sent, or waits to be.
    @discardableResult
    public func send(_ message: ChannelMessage, to channel: Channel, canWait: Bool = true) -> Bool {
        loop.deliver(message, to: channel, canWait: canWait)
    }

    /// Closes a channel after what was sent.
    ///
    /// - Parameters:
    ///   - channel: which one.
    ///   - code: a WebSocket's close code.
    ///   - reason: a few words for it.
    public func close(_ channel: Channel, code: UInt16 = 1000, reason: String = "") {
        loop.close(channel, code: code, reason: reason)
    }

    /// Runs `body` on this loop after what else waits to be run there.
    public func later(_ body: @escaping @Sendable () -> Void) {
        loop.loop.execute(body)
    }
}

/// What a loop keeps of a channel beside its connection.
struct ChannelState {
    let kind: Channel.Kind
    let subject: Int64
    let handler: any ChannelHandler
    /// Whether events are framed as chunks; an old client takes them bare until the end.
    let isChunked: Bool
    var decoder = WebSocketDecoder()
    /// Pings that were sent since anything was heard.
    var unanswered = 0
    /// Until when what the client has said takes the time, at the rate that it may speak at.
    private var heardUntil = MonotonicTime(nanoseconds: 0)

    init(kind: Channel.Kind, subject: Int64, handler: any ChannelHandler, isChunked: Bool) {
        self.kind = kind
        self.subject = subject
        self.handler = handler
        self.isChunked = isChunked
    }

    /// Counts something that the client says.
    ///
    /// - Returns: whether it is within the rate.
    mutating func mayBeHeard(at now: MonotonicTime, _ rate: RequestRate) -> Bool {
        let interval = UInt64(rate.interval)
        let until = max(heardUntil, now).nanoseconds + interval
        guard until - now.nanoseconds <= interval * UInt64(rate.burst) else { return false }
        heardUntil = MonotonicTime(nanoseconds: until)
        return true
    }
}
