/// A stretch of time in a trace: what was done, within what, and how it went.
public struct TraceSpan: Sendable {
    /// On which side of a call it is, by its number in OTLP.
    public enum Kind: Int, Sendable {
        case `internal` = 1
        case server = 2
        case client = 3
        case producer = 4
        case consumer = 5
    }

    /// What was done, such as `step charge`.
    public let name: String
    /// The trace and the span's own number.
    public let context: TraceContext
    /// The number of the span it is part of; nil for the first of a trace.
    public let parentID: UInt64?
    /// On which side of a call it is.
    public let kind: Kind
    /// Nanoseconds since 1970, UTC.
    public let start: Int64
    /// Nanoseconds since 1970, UTC.
    public let end: Int64
    /// What else is known, such as the run's number.
    public let attributes: [(name: String, value: String)]
    /// What went wrong; nil if nothing did.
    public let error: String?

    /// Makes a span; see the properties.
    public init(
        _ name: String,
        _ context: TraceContext,
        parent: UInt64?,
        kind: Kind = .internal,
        start: Int64,
        end: Int64,
        attributes: [(name: String, value: String)] = [],
        error: String? = nil
    ) {
        self.name = name
        self.context = context
        parentID = parent
        self.kind = kind
        self.start = start
        self.end = max(start, end)
        self.attributes = attributes
        self.error = error
    }
}
