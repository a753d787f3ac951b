/// A refusal that tells machines and people what is wrong.
///
/// Source: RFC 9457.
public struct Problem: Error, Sendable, CustomStringConvertible {
    /// The status code.
    public var status: Int
    /// The word that programs decide by.
    public var code: String
    /// What it means in general.
    public var title: String
    /// What it means here.
    public var detail: String?
    /// After how many seconds asking again may help.
    public var retryAfter: Int?
    /// The methods that a resource has, where the method was the problem.
    public var allow: String?
    /// More members of the document.
    public var extra: [(name: String, value: JSONValue)]

    /// Makes a problem.
    ///
    /// - Parameters:
    ///   - status: the status code.
    ///   - code: the word that programs decide by.
    ///   - title: what it means in general.
    ///   - detail: what it means here.
    ///   - retryAfter: seconds, where waiting helps.
    ///   - extra: more members of the document.
    public init(
        status: Int,
        code: String,
        title: String,
        detail: String? = nil,
        retryAfter: Int? = nil,
        extra: [(name: String, value: JSONValue)] = []
    ) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.retryAfter = retryAfter
        self.extra = extra
    }

    /// The same problem with other words about this occurrence.
    public func with(detail: String) -> Self {
        var copy = self
        copy.detail = detail
        return copy
    }

    /// The problem as a response.
    public var response: HTTPResponse {
        let body = JSONWriter.object { json in
            json.field("type", "about:blank")
            json.field("title", title)
            json.field("status", status)
            json.field("code", code)
            if let detail { json.field("detail", detail) }
            for (name, value) in extra { json.field(name, value) }
        }
        var headers: HTTPHeaders = ["Content-Type": "application/problem+json"]
        if let retryAfter { headers.add("Retry-After", String(retryAfter)) }
        if let allow { headers.add("Allow", allow) }
        if status == 426 {
            headers.add("Upgrade", "websocket")
            headers.add("Sec-WebSocket-Version", "13")
        }
        if status == 401 { headers.add("WWW-Authenticate", "Bearer") }
        return HTTPResponse(status: status, headers: headers, body: body)
    }

    /// The code, and what it means here.
    public var description: String {
        "\(code): \(detail ?? title)"
    }
}

extension Problem {
    /// The request could not be read.
    public static let malformedRequest = Self(
        status: 400,
        code: "malformed_request",
        title: "The request could not be read."
    )
    /// The request took too long to arrive.
    public static let requestTimeout = Self(
        status: 408,
        code: "request_timeout",
        title: "The request took too long to arrive."
    )
    /// The body is larger than this server takes.
    public static let contentTooLarge = Self(
        status: 413,
        code: "content_too_large",
        title: "The body is too large."
    )
    /// The request's target is longer than this server takes.
    public static let targetTooLong = Self(
        status: 414,
        code: "target_too_long",
        title: "The request's target is too long."
    )
    /// The request expects something that this server does not know.
    public static let expectationFailed = Self(
        status: 417,
        code: "expectation_failed",
        title: "The only expectation known here is 100-continue."
    )
    /// What is here is spoken by a newer protocol than the request's.
    public static let upgradeRequired = Self(
        status: 426,
        code: "upgrade_required",
        title: "This is a WebSocket of version 13, or a stream of events for who accepts text/event-stream."
    )
    /// The server is about to stop.
    public static let stopping = Self(
        status: 503,
        code: "stopping",
        title: "This server stops; another one is there.",
        retryAfter: 1
    )
    /// The header is larger or has more fields than this server takes.
    public static let headerTooLarge = Self(
        status: 431,
        code: "header_too_large",
        title: "The request's header is too large."
    )
    /// Nothing is at this path.
    public static let notFound = Self(
        status: 404,
        code: "not_found",
        title: "There is nothing at this address."
    )
    /// The path exists, but not for this method.
    public static let methodNotAllowed = Self(
        status: 405,
        code: "method_not_allowed",
        title: "This resource does not have this method."
    )
    /// The server has as many connections as it takes.
    public static let tooManyConnections = Self(
        status: 503,
        code: "too_many_connections",
        title: "The server is full.",
        retryAfter: 1
    )

    /// The client, or the holder of the token, asks more often than it may.
    public static let tooManyRequests = Self(
        status: 429,
        code: "too_many_requests",
        title: "There were too many requests; ask again later.",
        retryAfter: 1
    )
    /// The client has as many connections as it may.
    public static let tooManyConnectionsOfClient = Self(
        status: 429,
        code: "too_many_connections_of_client",
        title: "There are too many connections from this address.",
        retryAfter: 5
    )
    /// More waits than can be served soon.
    public static let overloaded = Self(
        status: 503,
        code: "overloaded",
        title: "More requests wait than can be served soon.",
        retryAfter: 1
    )
    /// The part that is asked for lies beyond the end.
    public static let rangeNotSatisfiable = Self(
        status: 416,
        code: "range_not_satisfiable",
        title: "There is no such part of it."
    )
    /// Plain text where TLS is spoken.
    public static let tlsRequired = Self(
        status: 400,
        code: "tls_required",
        title: "TLS is spoken here: use https."
    )

    /// Every problem that the server or the router answers by itself.
    public static let ofTransport: [Self] = [
        .malformedRequest, .requestTimeout, .contentTooLarge, .targetTooLong, .expectationFailed,
        .headerTooLarge, .upgradeRequired, .stopping,
        .notFound, .methodNotAllowed, .tooManyConnections, .tooManyRequests, .tooManyConnectionsOfClient,
        .overloaded, .rangeNotSatisfiable, .tlsRequired,
    ]
}
