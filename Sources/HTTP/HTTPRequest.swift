/// A request, complete with its body.
public struct HTTPRequest: Sendable {
    /// What to do.
    public var method: HTTPMethod
    /// The target as it was sent, query and all.
    public var target: String
    /// The target's path, still percent-encoded: the router decodes it segment by segment.
    public var path: String
    /// The query's pairs, decoded.
    public var query: [(name: String, value: String)]
    /// The header fields.
    public var headers: HTTPHeaders
    /// The body with its framing taken off.
    public var body: [UInt8]
    /// Who sent it, or whom trusted proxies say it is from; nil for one made by hand.
    public var remoteAddress: SocketAddress?
    /// What the answer's `X-Request-Id` says, by which logs find it again; empty for one made by hand.
    public var id = ""

    /// Makes a request.
    ///
    /// - Parameters:
    ///   - method: what to do.
    ///   - target: path and query, percent-encoded.
    ///   - headers: `Host` and the framing are added by the client.
    ///   - body: the bytes to send.
    public init(_ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        (path, query) = PercentCoding.split(target: target) ?? (target, [])
    }

    /// Makes a request whose target has been split already.
    init(
        _ method: HTTPMethod,
        _ target: String,
        split: (path: String, query: [(name: String, value: String)]),
        headers: HTTPHeaders
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        body = []
        (path, query) = split
    }

    /// The first value of a query name.
    public func queryValue(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// Whether it asks for a WebSocket, well or badly.
    public var asksForWebSocket: Bool { headers.lists("websocket", in: "Upgrade") }

    /// Whether it names this media type among those it accepts.
    public func accepts(_ type: String) -> Bool {
        headers.all("Accept").contains { field in
            field.split(separator: ",").contains { element in
                let name = element.split(separator: ";", omittingEmptySubsequences: false)[0]
                return ASCII.equalIgnoringCase(String(name.filter { $0 != " " && $0 != "\t" }), type)
            }
        }
    }
}
