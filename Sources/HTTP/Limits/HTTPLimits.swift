/// How large a message may be.
public struct HTTPLimits: Sendable {
    /// Bytes of a request's target; more is 414.
    public var targetBytes: Int
    /// Bytes of a whole header, first line included; more is 431.
    public var headerBytes: Int
    /// Header fields; more is 431.
    public var headerFields: Int
    /// Bytes of a body with its framing taken off; more is 413.
    public var bodyBytes: Int

    /// Makes limits.
    public init(
        targetBytes: Int = 8_192,
        headerBytes: Int = 16_384,
        headerFields: Int = 100,
        bodyBytes: Int = 262_144
    ) {
        self.targetBytes = targetBytes
        self.headerBytes = headerBytes
        self.headerFields = headerFields
        self.bodyBytes = bodyBytes
    }
}
