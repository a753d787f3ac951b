public import HTTP

/// Where a gateway listens, and what it takes.
public struct GatewayConfiguration: Sendable {
    /// The address of the API.
    public var address: String
    /// The port of the API; 0 lets the system choose.
    public var port: Int
    /// The address of the admin port: health and metrics, for machines.
    public var adminAddress: String
    /// The admin port; 0 lets the system choose.
    public var adminPort: Int
    /// Limits and timeouts of the API's server.
    public var server: HTTPServerConfiguration
    /// Origins whose pages may make the buyers' calls, such as `https://shop.example`; `*` is any.
    public var origins: [String]
    /// How old the answers of a replica may be before the primary is asked instead.
    public var replicaStaleness: Duration
    /// How often the files of the certificate are looked at.
    public var certificateInterval: Duration
    /// How long it still accepts once `/readyz` says that it is stopping, so that balancers hear of it first.
    public var drainDelay: Duration
    /// How many wrong API keys one address may send in fifteen minutes before it is locked out for as long; 0 is without limit.
    public var wrongKeys: Int
    /// What payment callbacks are signed with; without it there are none.
    public var paymentSecret: String?
    /// The payment methods that the line's page offers, by the names that the payment provider knows them by.
    public var paymentMethods: [String]
    /// For how many seconds caches in front may keep a page that nobody purges there.
    public var pageSeconds: Int

    /// Makes a configuration.
    public init(
        address: String = "127.0.0.1",
        port: Int = 8080,
        adminAddress: String = "127.0.0.1",
        adminPort: Int = 8081,
        server: HTTPServerConfiguration = HTTPServerConfiguration(limits: HTTPLimits(bodyBytes: 1_048_576)),
        paymentSecret: String? = nil,
        paymentMethods: [String] = ["card"],
        origins: [String] = [],
        certificateInterval: Duration = .seconds(10),
        replicaStaleness: Duration = .seconds(2),
        drainDelay: Duration = .zero,
        wrongKeys: Int = 10,
        pageSeconds: Int = 2
    ) {
        self.address = address
        self.port = port
        self.adminAddress = adminAddress
        self.adminPort = adminPort
        self.server = server
        self.paymentSecret = paymentSecret
        self.paymentMethods = paymentMethods
        self.origins = origins
        self.certificateInterval = certificateInterval
        self.replicaStaleness = replicaStaleness
        self.drainDelay = drainDelay
        self.wrongKeys = wrongKeys
        self.pageSeconds = pageSeconds
    }
}
