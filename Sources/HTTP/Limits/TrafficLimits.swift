/// How much of a server one client gets, and how much memory all of them together.
///
/// A client is an IPv4 address or an IPv6 network of 64 bits. A carrier's customers share an address, so what one may do is
/// what a crowd behind it does: the limits are against a single machine that floods, and a buyer's own are per token.
public struct TrafficLimits: Sendable {
    /// Requests of one client; more is 429, and nil is for no limit.
    public var clientRate: RequestRate?
    /// Requests with one `Authorization`; more is 429, and nil is for no limit.
    public var tokenRate: RequestRate?
    /// Connections of one client; more is 429.
    public var connectionsPerClient: Int
    /// Bytes that wait to be read or written, over all connections; beyond it requests are answered 503.
    public var bufferedBytes: Int
    /// Who is not limited: by default whoever is on this machine, where a proxy that nobody told the server of would pass
    /// for one client.
    public var exempt: [AddressRange]

    /// Makes limits.
    public init(
        clientRate: RequestRate? = RequestRate(perSecond: 2_000, burst: 10_000),
        tokenRate: RequestRate? = RequestRate(perSecond: 20, burst: 100),
        connectionsPerClient: Int = 4_000,
        bufferedBytes: Int = 268_435_456,
        exempt: [AddressRange] = AddressRange.loopback
    ) {
        self.clientRate = clientRate
        self.tokenRate = tokenRate
        self.connectionsPerClient = connectionsPerClient
        self.bufferedBytes = bufferedBytes
        self.exempt = exempt
    }
}
