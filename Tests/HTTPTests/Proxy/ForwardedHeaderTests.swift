import Testing

@testable import HTTP

struct ForwardedHeaderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let header: ForwardedHeader
        let fields: [String]
        let client: String
        var testDescription: String { "\(header.rawValue): \(fields.joined(separator: " | "))" }
    }

    private static let trusted = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"].compactMap(AddressRange.init)

    static let cases: [Case] = [
        .init(header: .xForwardedFor, fields: [], client: "10.0.0.1"),
        .init(header: .xForwardedFor, fields: ["198.51.100.4"], client: "198.51.100.4"),
        .init(header: .xForwardedFor, fields: ["198.51.100.4, 10.1.1.1"], client: "198.51.100.4"),
        .init(header: .xForwardedFor, fields: ["1.1.1.1, 198.51.100.4,10.1.1.1"], client: "198.51.100.4"),
        .init(
            header: .xForwardedFor,
            fields: ["1.1.1.1", "198.51.100.4", "10.1.1.1, 192.0.2.7"],
            client: "198.51.100.4"
        ),
        .init(header: .xForwardedFor, fields: ["10.9.9.9, 10.1.1.1"], client: "10.9.9.9"),
        .init(header: .xForwardedFor, fields: ["198.51.100.4:4711"], client: "198.51.100.4"),
        .init(header: .xForwardedFor, fields: ["[2001:db8::5]:4711"], client: "2001:db8::5"),
        .init(header: .xForwardedFor, fields: ["2001:db8::5, 2001:db8:1::9"], client: "2001:db8::5"),
        .init(header: .xForwardedFor, fields: ["::ffff:198.51.100.4"], client: "198.51.100.4"),
        // What can't be read ends the chain: whoever stands before it may be anybody.
        .init(header: .xForwardedFor, fields: ["198.51.100.4, unknown, 10.1.1.1"], client: "10.1.1.1"),
        .init(header: .xForwardedFor, fields: ["localhost"], client: "10.0.0.1"),
        .init(header: .xForwardedFor, fields: ["<script>"], client: "10.0.0.1"),
        .init(header: .forwarded, fields: ["for=198.51.100.4"], client: "198.51.100.4"),
        .init(
            header: .forwarded,
            fields: ["For=198.51.100.4;proto=https;by=10.0.0.1"],
            client: "198.51.100.4"
        ),
        .init(
            header: .forwarded,
            fields: ["proto=http; for=\"198.51.100.4:4711\", for=10.1.1.1"],
            client: "198.51.100.4"
        ),
        .init(header: .forwarded, fields: ["for=\"[2001:db8::5]:4711\""], client: "2001:db8::5"),
        .init(header: .forwarded, fields: ["for=1.1.1.1, for=_hidden, for=10.1.1.1"], client: "10.1.1.1"),
        .init(header: .forwarded, fields: ["for=unknown"], client: "10.0.0.1"),
        .init(
            header: .forwarded,
            fields: ["for=1.1.1.1;host=\"a,for=6.6.6.6;\", for=10.1.1.1"],
            client: "1.1.1.1"
        ),
        .init(header: .forwarded, fields: ["host=a"], client: "10.0.0.1"),
    ]

    @Test(arguments: cases) func `The client is the nearest that no trusted proxy is`(_ item: Case) throws {
        var headers = HTTPHeaders()
        for field in item.fields { headers.add(item.header.rawValue, field) }
        let other = ForwardedHeader.allCases.first { $0 != item.header }
        // The field that proxies here don't set is the client's own invention.
        headers.add(try #require(other).rawValue, "for=6.6.6.6")
        let peer = try #require(SocketAddress(literal: "10.0.0.1", port: 1))
        #expect(item.header.client(of: headers, peer: peer, trusted: Self.trusted).host == item.client)
    }

    @Test func `A stranger's word counts for nothing`() throws {
        let peer = try #require(SocketAddress(literal: "203.0.113.5", port: 1))
        let headers: HTTPHeaders = ["X-Forwarded-For": "198.51.100.4"]
        #expect(ForwardedHeader.xForwardedFor.client(of: headers, peer: peer, trusted: Self.trusted) == peer)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
        ("0.0.0.0/0", "203.0.113.5", true),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
        ("192.0.2.7/31", "192.0.2.6", true),
        ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
        ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false), ("0.0.0.0/0", "::1", false),
    ])
    func `A range has the addresses that begin as it does`(range: String, address: String, isIn: Bool) throws
    {
        let range = try #require(AddressRange(range))
        #expect(range.contains(try #require(SocketAddress(literal: address, port: 9))) == isIn)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0", "localhost", "::/129",
        "a/8",
    ])
    func `What is no range is none`(_ text: String) {
        #expect(AddressRange(text) == nil)
    }
}
