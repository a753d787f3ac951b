/// What a server takes, and how long it waits.
public struct HTTPServerConfiguration: Sendable {
    /// How large a request may be.
    public var limits: HTTPLimits
    /// How much of the server one client gets.
    public var traffic: TrafficLimits
    /// Connections at one time; one more is told 503 and closed.
    public var maxConnections: Int
    /// Connections of each loop at one time, where its descriptors are fewer.
    public var maxConnectionsPerLoop: Int
    /// What TLS is spoken with; nil for plain HTTP.
    public var certificate: TLSCertificate?
    /// Proxies and balancers: what they say of their clients counts, and they themselves are not limited.
    public var trustedProxies: [AddressRange]
    /// The field in which they say it.
    public var forwardedHeader: ForwardedHeader
    /// Every connection begins with a PROXY header (version 1 or 2), and only trusted proxies may connect.
    public var expectsProxyHeader: Bool
    /// Where answers are noted.
    public var accessLog: AccessLog?
    /// Header fields of every response.
    public var standingHeaders: HTTPHeaders
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
    /// How often a WebSocket's client may say something; one that says more is let go (1008).
    public var messageRate: RequestRate
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
        traffic: TrafficLimits = TrafficLimits(),
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
        self.traffic = traffic
        self.maxConnections = maxConnections
        maxConnectionsPerLoop = .max
        trustedProxies = []
        forwardedHeader = .xForwardedFor
        expectsProxyHeader = false
        standingHeaders = [:]
        messageRate = RequestRate(perSecond: 10, burst: 100)
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
