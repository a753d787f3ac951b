/// What a server takes, and how long it waits.
public struct HTTPServerConfiguration: Sendable {
    /// How large a request may be.
    public var limits: HTTPLimits
    /// Connections at one time; one more is told 503 and closed.
    public var maxConnections: Int
    /// From a request's first byte to the end of its header.
    public var headerTimeout: Duration
    /// From the end of a request's header to the end of its body.
    public var bodyTimeout: Duration
    /// Between requests.
    public var idleTimeout: Duration
    /// While a client takes none of the bytes that wait for it.
    public var writeTimeout: Duration
    /// The longest message that a WebSocket takes, in bytes.
    public var messageLimit: Int
    /// How long a channel may be silent before its client is asked whether it is there; after two questions without an
    /// answer it is let go.
    public var pingInterval: Duration
    /// How often timeouts are looked at; they are late by at most this.
    public var sweepInterval: Duration
    /// Lets several processes listen on the port, each getting its share of the connections.
    public var sharesPort: Bool

    /// Makes a configuration.
    public init(
        limits: HTTPLimits = HTTPLimits(),
        maxConnections: Int = 20_000,
        headerTimeout: Duration = .seconds(10),
        bodyTimeout: Duration = .seconds(30),
        idleTimeout: Duration = .seconds(75),
        writeTimeout: Duration = .seconds(30),
        sweepInterval: Duration = .seconds(1),
        sharesPort: Bool = false,
        messageLimit: Int = 65_536,
        pingInterval: Duration = .seconds(30)
    ) {
        self.limits = limits
        self.maxConnections = maxConnections
        self.headerTimeout = headerTimeout
        self.bodyTimeout = bodyTimeout
        self.idleTimeout = idleTimeout
        self.writeTimeout = writeTimeout
        self.sweepInterval = sweepInterval
        self.sharesPort = sharesPort
        self.messageLimit = messageLimit
        self.pingInterval = pingInterval
    }
}

/// Why a server can't listen.
public struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    /// One line for a person.
    public let description: String
}
