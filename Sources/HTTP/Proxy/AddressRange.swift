/// A range of addresses, such as `10.0.0.0/8` or `2001:db8::/32`.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    private let base: SocketAddress
    private let bits: Int

    /// Reads `address/bits`, or one address alone.
    ///
    /// - Returns: nil for anything else; bits of the address beyond `bits` don't count.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts[0] != "localhost",
            let base = SocketAddress(literal: String(parts[0]), port: 0)
        else { return nil }
        self.base = base
        guard parts.count == 2 else {
            bits = base.width
            return
        }
        guard parts[1].utf8.allSatisfy(ASCII.isDigit), let bits = Int(parts[1]), bits <= base.width else {
            return nil
        }
        self.bits = bits
    }

    /// Whether the address is one of them.
    public func contains(_ address: SocketAddress) -> Bool {
        address.width == base.width && address.prefix(bits) == base.prefix(bits)
    }

    /// `10.0.0.0/8`.
    public var description: String { "\(base.host)/\(bits)" }

    /// This machine itself.
    public static let loopback = ["127.0.0.0/8", "::1"].compactMap(Self.init)
}

extension [AddressRange] {
    /// Whether one of the ranges has the address.
    func contains(_ address: SocketAddress) -> Bool {
        contains { $0.contains(address) }
    }
}
