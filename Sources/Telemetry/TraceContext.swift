/// Where in a trace something happens: what HTTP carries in the `traceparent` field.
///
/// Inside of steps, effects and jobs, ``current`` is theirs:
/// ```swift
/// try await context.effect("charge") { key in
///     var request = HTTPRequest(.post, "/charges", headers: ["Idempotency-Key": key])
///     request.headers["traceparent"] = TraceContext.current?.description
///     …
/// }
/// ```
/// Source: W3C Trace Context, Level 1.
public struct TraceContext: Sendable, Hashable, CustomStringConvertible {
    /// The trace, 128 bits, not all of them zero.
    public let traceID: TraceID
    /// The span, not zero.
    public let spanID: UInt64
    /// Whether it is recorded anywhere; what is not is only passed on.
    public let isSampled: Bool

    /// What surrounds the code that asks.
    @TaskLocal public static var current: TraceContext?

    /// Makes a context.
    public init(traceID: TraceID, spanID: UInt64, isSampled: Bool = true) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// Reads a `traceparent`.
    ///
    /// Of versions after 00 what is known is read, and the rest ignored.
    ///
    /// Nil for anything that is not like `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: it is to be ignored.
    public init?(traceparent text: String) {
        let bytes = Array(text.utf8)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Hex.number(bytes[0..<2]), version != 0xFF,
            version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == dash,
            let high = Hex.number(bytes[3..<19]), let low = Hex.number(bytes[19..<35]),
            let spanID = Hex.number(bytes[36..<52]), let flags = Hex.number(bytes[53..<55]),
            high | low != 0, spanID != 0
        else { return nil }
        self.init(traceID: TraceID(high: high, low: low), spanID: spanID, isSampled: flags & 1 == 1)
    }

    /// The `traceparent`.
    public var description: String {
        "00-\(traceID)-\(Hex.text(spanID))-\(isSampled ? "01" : "00")"
    }

    /// The span of this trace that has this name, the same one each time.
    ///
    /// What is found again by replay has the id it had, so that no span is there twice.
    public func named(_ name: String) -> TraceContext {
        var hash = traceID.high ^ (traceID.low &* 0x9E37_79B9_7F4A_7C15)
        hash = Self.mix(
            name.utf8.reduce(hash ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        )
        return TraceContext(traceID: traceID, spanID: hash == 0 ? 1 : hash, isSampled: isSampled)
    }

    /// The root of a trace of its own, the same one for the same two numbers.
    public static func root(_ first: UInt64, _ second: UInt64) -> TraceContext {
        let id = TraceID(high: mix(first &+ 0x9E37_79B9_7F4A_7C15), low: mix(second ^ mix(first)) | 1)
        return TraceContext(traceID: id, spanID: mix(id.low ^ id.high) | 1)
    }

    /// The root of a new trace.
    public static func root() -> TraceContext {
        root(.random(in: .min ... .max), .random(in: .min ... .max))
    }

    /// Spreads every bit over all: the last step of SplitMix64.
    private static func mix(_ value: UInt64) -> UInt64 {
        var value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// The number of a trace, 128 bits.
public struct TraceID: Sendable, Hashable, CustomStringConvertible {
    /// The first half.
    public let high: UInt64
    /// The second half.
    public let low: UInt64

    /// Makes one of its halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String { Hex.text(high) + Hex.text(low) }
}

/// Numbers as fixed runs of lower-case hexadecimal digits.
package enum Hex {
    package static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Upper-case digits are none here: the field has to be lower-case.
    static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
