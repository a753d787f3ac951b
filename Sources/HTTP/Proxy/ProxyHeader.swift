/// What a balancer says of a connection before the client's first byte: whom it is for.
///
/// Pure: bytes in, an address out. It takes no byte that isn't the header's.
///
/// Source: HAProxy's PROXY protocol, versions 1 and 2 (proxy-protocol.txt, 2020-03-05).
struct ProxyHeader: Sendable {
    struct Fault: Error, Equatable {
        let reason: String
    }

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// Of version 1, CR LF and all.
    private static let longestLine = 107
    /// Beyond the addresses of version 2 lies what isn't of use here; more than this nobody sends.
    private static let longestRest = 4_096

    private var bytes: [UInt8] = []
    /// Whether the header is complete.
    private(set) var isComplete = false
    /// Whom the connection is for; nil for one of the balancer's own, such as a look whether the server is well.
    private(set) var source: SocketAddress?

    /// How many of the bytes that lie at hand are the header's for sure.
    func share(of available: ArraySlice<UInt8>) -> Int {
        guard !isComplete else { return 0 }
        let known = bytes + available.prefix(16)
        guard known.starts(with: Self.signature.prefix(known.count)) else {
            let end = available.firstIndex(of: ASCII.lineFeed).map { $0 + 1 - available.startIndex }
            return min(end ?? available.count, max(0, Self.longestLine + 1 - bytes.count))
        }
        guard bytes.count >= 16 else { return min(16 - bytes.count, available.count) }
        return min(16 + Int(bytes[14]) << 8 + Int(bytes[15]) - bytes.count, available.count)
    }

    /// Takes bytes of the header.
    mutating func append(_ new: ArraySlice<UInt8>) throws(Fault) {
        bytes += new
        if bytes.starts(with: Self.signature.prefix(bytes.count)) {
            if bytes.count >= 16 { try readBinary() }
        } else {
            guard bytes.starts(with: Array("PROXY ".utf8).prefix(bytes.count)) else {
                throw Fault(reason: "no PROXY header")
            }
            if bytes.last == ASCII.lineFeed {
                try readLine()
            } else if bytes.count > Self.longestLine {
                throw Fault(reason: "the PROXY line is too long")
            }
        }
        if isComplete { bytes = [] }
    }

    private mutating func readLine() throws(Fault) {
        guard bytes.count >= 2, bytes[bytes.count - 2] == ASCII.carriageReturn else {
            throw Fault(reason: "the PROXY line ends without CR")
        }
        let line = String(decoding: bytes.dropLast(2), as: UTF8.self)
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        isComplete = true
        // Whatever stands behind UNKNOWN is to be ignored.
        if words.count >= 2, words[1] == "UNKNOWN" { return }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6",
            let port = Self.port(words[4]), Self.port(words[5]) != nil,
            words[2] != "localhost", let address = SocketAddress(literal: words[2], port: port),
            words[3] != "localhost", SocketAddress(literal: words[3], port: 0) != nil,
            (address.width == 128) == (words[1] == "TCP6")
        else { throw Fault(reason: "a bad PROXY line") }
        source = address.unmapped
    }

    private static func port(_ text: String) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
        return UInt16(text)
    }

    private mutating func readBinary() throws(Fault) {
        let rest = Int(bytes[14]) << 8 + Int(bytes[15])
        guard bytes[12] >> 4 == 2 else { throw Fault(reason: "a PROXY header of an unknown version") }
        guard rest <= Self.longestRest else { throw Fault(reason: "the PROXY header is too long") }
        guard bytes.count >= 16 + rest else { return }
        isComplete = true
        switch bytes[12] & 0x0F {
        case 0: return
        case 1: break
        default: throw Fault(reason: "a PROXY header with an unknown command")
        }
        let length: Int
        switch bytes[13] {
        case 0x11: length = 4
        case 0x21: length = 16
        // Of a kind that has no address here.
        default: return
        }
        guard rest >= 2 * length + 4 else {
            throw Fault(reason: "the PROXY header is too short for its addresses")
        }
        let port = UInt16(bytes[16 + 2 * length]) << 8 | UInt16(bytes[17 + 2 * length])
        source = SocketAddress(bytes: bytes[16..<(16 + length)], port: port)
    }
}
