/// One request and its answer, as the access log tells it: no target, no header and no body, so neither a token nor a name.
public struct AccessRecord: Sendable {
    /// Who asked; nil when nobody can say.
    public var client: SocketAddress?
    /// The request's method; nil for one that could not be read.
    public var method: HTTPMethod?
    /// The name of what answered; empty where the server itself did.
    public var call: String
    /// The answer's status.
    public var status: Int
    /// The answer's body, in bytes; 0 for one that has no end.
    public var bytes: Int
    /// From the request's last byte to the answer's first.
    public var took: Duration
    /// The answer's `X-Request-Id`.
    public var requestID: String
    /// Whether it came over TLS.
    public var isEncrypted: Bool
}
