import Testing

@testable import HTTP

struct ProxyHeaderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        /// `host:port`; nil for none.
        let source: String?
        var testDescription: String { name }
    }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    private static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
    }

    private static let four: [UInt8] = [192, 0, 2, 1, 203, 0, 113, 9, 0x1F, 0x90, 0x01, 0xBB]
    private static let six: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1]
        + [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [2] + [0x1F, 0x90, 0x01, 0xBB]

    static let good: [Case] = [
        .init(
            name: "v1 TCP4",
            bytes: Array("PROXY TCP4 192.0.2.1 203.0.113.9 8080 443\r\n".utf8),
            source: "192.0.2.1:8080"
        ),
        .init(
            name: "v1 TCP6",
            bytes: Array("PROXY TCP6 2001:db8::1 2001:db8::2 8080 443\r\n".utf8),
            source: "[2001:db8::1]:8080"
        ),
        .init(
            name: "v1 longest",
            bytes: Array(
                "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
                    .utf8
            ),
            source: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
        ),
        .init(name: "v1 UNKNOWN", bytes: Array("PROXY UNKNOWN\r\n".utf8), source: nil),
        .init(name: "v1 UNKNOWN with more", bytes: Array("PROXY UNKNOWN x y z 1 2 3\r\n".utf8), source: nil),
        .init(name: "v2 TCP4", bytes: binary(0x21, 0x11, four), source: "192.0.2.1:8080"),
        .init(name: "v2 TCP6", bytes: binary(0x21, 0x21, six), source: "[2001:db8::1]:8080"),
        .init(
            name: "v2 with more behind the addresses",
            bytes: binary(0x21, 0x11, four + [3, 0, 1, 65]),
            source: "192.0.2.1:8080"
        ),
        .init(name: "v2 LOCAL", bytes: binary(0x20, 0x00, []), source: nil),
        .init(name: "v2 LOCAL with an address", bytes: binary(0x20, 0x11, four), source: nil),
        .init(name: "v2 UNSPEC", bytes: binary(0x21, 0x00, [1, 2, 3]), source: nil),
        .init(
            name: "v2 of a Unix socket",
            bytes: binary(0x21, 0x31, Array(repeating: 7, count: 216)),
            source: nil
        ),
        .init(
            name: "v2 of an IPv4 address written as IPv6",
            bytes: binary(
                0x21,
                0x21,
                Array(repeating: 0, count: 10) + [255, 255, 192, 0, 2, 7] + Array(repeating: 0, count: 16) + [
                    0, 80, 1, 187,
                ]
            ),
            source: "192.0.2.7:80"
        ),
    ]

    static let bad: [Case] = [
        .init(name: "HTTP", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8), source: nil),
        .init(name: "another word", bytes: Array("PROXIES TCP4 1.2.3.4 1.2.3.4 1 2\r\n".utf8), source: nil),
        .init(name: "no CR", bytes: Array("PROXY TCP4 192.0.2.1 203.0.113.9 8080 443\n".utf8), source: nil),
        .init(name: "six words", bytes: Array("PROXY TCP4 192.0.2.1 203.0.113.9 8080\r\n".utf8), source: nil),
        .init(
            name: "two spaces",
            bytes: Array("PROXY TCP4  192.0.2.1 203.0.113.9 8080 443\r\n".utf8),
            source: nil
        ),
        .init(
            name: "a name",
            bytes: Array("PROXY TCP4 localhost 203.0.113.9 8080 443\r\n".utf8),
            source: nil
        ),
        .init(
            name: "a port too high",
            bytes: Array("PROXY TCP4 192.0.2.1 203.0.113.9 65536 443\r\n".utf8),
            source: nil
        ),
        .init(
            name: "a port with a sign",
            bytes: Array("PROXY TCP4 192.0.2.1 203.0.113.9 +80 443\r\n".utf8),
            source: nil
        ),
        .init(
            name: "six for four",
            bytes: Array("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n".utf8),
            source: nil
        ),
        .init(
            name: "too long",
            bytes: Array(("PROXY UNKNOWN " + String(repeating: "x", count: 200)).utf8),
            source: nil
        ),
        .init(name: "v3", bytes: binary(0x31, 0x11, four), source: nil),
        .init(name: "v2 with an unknown command", bytes: binary(0x22, 0x11, four), source: nil),
        .init(name: "v2 too short", bytes: binary(0x21, 0x11, Array(four.dropLast())), source: nil),
        .init(
            name: "v2 too long",
            bytes: binary(0x21, 0x11, four + Array(repeating: 0, count: 5_000)),
            source: nil
        ),
        .init(
            name: "half a signature",
            bytes: Array(signature.prefix(8)) + Array("GET / HTTP/1.1".utf8),
            source: nil
        ),
    ]

    /// Feeds what a socket would show, `step` bytes at a time, and tells what was left of it.
    private func feed(_ bytes: [UInt8], step: Int) throws -> (header: ProxyHeader, taken: Int) {
        var header = ProxyHeader()
        var taken = 0
        var shown = 0
        while !header.isComplete, shown < bytes.count {
            shown = min(shown + step, bytes.count)
            while !header.isComplete {
                let share = header.share(of: bytes[taken..<shown])
                if share == 0 { break }
                try header.append(bytes[taken..<(taken + share)])
                taken += share
            }
        }
        return (header, taken)
    }

    @Test(arguments: good) func `A header is read however it is cut, and nothing behind it`(
        _ item: Case
    ) throws {
        let behind = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for step in 1...(item.bytes.count + behind.count) {
            let (header, taken) = try feed(item.bytes + behind, step: step)
            #expect(header.isComplete)
            #expect(taken == item.bytes.count)
            #expect(header.source?.description == item.source)
        }
    }

    @Test(arguments: bad) func `What is no header is refused however it is cut`(_ item: Case) {
        for step in 1...item.bytes.count {
            #expect(throws: ProxyHeader.Fault.self) { _ = try feed(item.bytes, step: step) }
        }
    }

    @Test(arguments: good) func `Half a header is not enough`(_ item: Case) throws {
        for length in 0..<item.bytes.count {
            let (header, _) = try feed(Array(item.bytes.prefix(length)), step: 1_000)
            #expect(!header.isComplete)
        }
    }
}
