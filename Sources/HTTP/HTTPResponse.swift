/// A response, complete with its body.
public struct HTTPResponse: Sendable {
    /// The status code.
    public var status: Int { didSet { head = nil } }
    /// The header fields; length, date and connection are added when it is sent.
    public var headers: HTTPHeaders { didSet { head = nil } }
    /// The body.
    public var body: [UInt8] { didSet { head = nil } }
    /// The head but for its date and connection as it goes over the wire, where it was laid out beforehand.
    private(set) var head: [UInt8]?
    /// The name of what answered, for the access log; it is not sent.
    public var call = ""
    /// The channel that the connection becomes instead, for work that had to await before it could offer one.
    private(set) var channel: ChannelOffer?

    /// Makes a response in whose place a channel is opened.
    public init(opening channel: ChannelOffer) {
        self.init(status: 200)
        self.channel = channel
    }

    /// Makes a response.
    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The same response with its head laid out, for one that is sent again and again.
    ///
    /// What is changed afterwards is laid out when it is sent.
    public func laidOut() -> Self {
        var copy = self
        copy.head = ResponseEncoder.head(self)
        return copy
    }

    /// A response that carries JSON.
    public static func json(_ body: [UInt8], status: Int = 200, headers: HTTPHeaders = [:]) -> Self {
        var response = Self(status: status, headers: headers, body: body)
        response.headers.add("Content-Type", "application/json")
        return response
    }

    /// A response that carries plain text.
    public static func text(_ text: String, status: Int = 200) -> Self {
        Self(status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
    }

    /// A response that tells a problem.
    public static func problem(_ problem: Problem) -> Self {
        problem.response
    }
}

/// How a handler answers.
public enum Reply: Sendable {
    /// At once, on the loop, without a task.
    case now(HTTPResponse)
    /// After work that awaits: one task, which starts on the connection's loop and must not block it.
    case later(@Sendable () async -> HTTPResponse)
    /// With a channel, on which the server speaks from now on; a handshake that is none is refused by the server.
    case channel(ChannelOffer)
}
