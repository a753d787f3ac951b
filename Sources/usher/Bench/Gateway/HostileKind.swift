/// Clients that mean no good, or know no better.
enum HostileKind: String, CaseIterable, Sendable {
    /// A header that never ends, a byte a second.
    case slow
    /// A join whose body never comes whole.
    case halfOpen = "half-open"
    /// A header of a megabyte, again and again.
    case oversized
    /// Asks for large answers, and reads none.
    case deaf

    /// What is sent first.
    func opening(room: String) -> [UInt8] {
        switch self {
        case .slow: Array("GET /v1/on-sales HTTP/1.1\r\nHost: a\r\nX-Slow: ".utf8)
        case .halfOpen:
            Array(
                """
                POST /v1/on-sales/\(room)/places HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: 200\r\n\r\n{"secret": "
                """.utf8
            )
        case .oversized:
            Array("GET /v1/on-sales HTTP/1.1\r\nHost: a\r\n".utf8)
                + Array(
                    repeating: Array("X-Large: \(String(repeating: "x", count: 1_000))\r\n".utf8),
                    count: 1_000
                )
                .joined()
        case .deaf:
            Array(String(repeating: "GET /v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n", count: 200).utf8)
        }
    }

    /// Whether a byte more is sent each second.
    var drips: Bool { self == .slow }
    /// Whether what is answered is taken.
    var reads: Bool { self != .deaf }
}
