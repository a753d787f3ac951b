package import CLinux
internal import Glibc

/// An IPv4 or IPv6 address with a port, in 24 bytes.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    private var high: UInt64
    private var low: UInt64
    /// The port, 0 for any.
    public var port: UInt16
    private var isIPv6: Bool

    /// Reads an address literal such as `127.0.0.1` or `::1`; `localhost` is `127.0.0.1`.
    ///
    /// - Returns: nil for anything that is not a literal.
    public init?(literal: String, port: UInt16) {
        let literal = literal == "localhost" ? "127.0.0.1" : literal
        var four = in_addr()
        var six = in6_addr()
        if unsafe inet_pton(AF_INET, literal, &four) == 1 {
            (high, low, isIPv6) = (0, UInt64(four.s_addr), false)
        } else if unsafe inet_pton(AF_INET6, literal, &six) == 1 {
            (high, low) = unsafe withUnsafeBytes(of: six) { bytes in
                unsafe (bytes.load(as: UInt64.self), bytes.load(fromByteOffset: 8, as: UInt64.self))
            }
            isIPv6 = true
        } else {
            return nil
        }
        self.port = port
    }

    /// Reads what the system filled in.
    init(_ storage: sockaddr_storage) {
        self = unsafe withUnsafeBytes(of: storage) { bytes in
            if Int32(storage.ss_family) == AF_INET6 {
                let six = unsafe bytes.load(as: sockaddr_in6.self)
                let halves = unsafe withUnsafeBytes(of: six.sin6_addr) { address in
                    unsafe (
                        address.loadUnaligned(as: UInt64.self),
                        address.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                    )
                }
                return Self(
                    high: halves.0,
                    low: halves.1,
                    port: UInt16(bigEndian: six.sin6_port),
                    isIPv6: true
                ).unmapped
            }
            let four = unsafe bytes.load(as: sockaddr_in.self)
            return Self(
                high: 0,
                low: UInt64(four.sin_addr.s_addr),
                port: UInt16(bigEndian: four.sin_port),
                isIPv6: false
            )
        }
    }

    private init(high: UInt64, low: UInt64, port: UInt16, isIPv6: Bool) {
        self.high = high
        self.low = low
        self.port = port
        self.isIPv6 = isIPv6
    }

    /// The system's number for the family.
    package var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }

    /// Runs `body` with the address as the system's calls want it.
    package func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        if isIPv6 {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &six.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: high, as: UInt64.self)
                unsafe bytes.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
            }
            length = MemoryLayout<sockaddr_in6>.size
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: six, as: sockaddr_in6.self)
            }
        } else {
            var four = sockaddr_in()
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            four.sin_addr.s_addr = in_addr_t(truncatingIfNeeded: low)
            length = MemoryLayout<sockaddr_in>.size
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.storeBytes(of: four, as: sockaddr_in.self)
            }
        }
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(length))
            }
        }
    }

    /// One client as limits see it: an IPv4 address, or an IPv6 network of 64 bits.
    public var clientName: String {
        guard isIPv6 else { return host }
        return Self(high: high, low: 0, port: 0, isIPv6: true).host + "/64"
    }

    /// The address without its port.
    public var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if isIPv6 {
            var six = in6_addr()
            unsafe withUnsafeMutableBytes(of: &six) { bytes in
                unsafe bytes.storeBytes(of: high, as: UInt64.self)
                unsafe bytes.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
            }
            unsafe inet_ntop(AF_INET6, &six, &text, socklen_t(text.count))
        } else {
            var four = in_addr(s_addr: in_addr_t(truncatingIfNeeded: low))
            unsafe inet_ntop(AF_INET, &four, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `127.0.0.1:80` or `[::1]:80`.
    public var description: String {
        isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension SocketAddress {
    /// Makes an address from the 4 or 16 bytes that stand for it on the network.
    init?(bytes: ArraySlice<UInt8>, port: UInt16) {
        let number = bytes.reduce((UInt64(0), UInt64(0))) { ($0.0 << 8 | $0.1 >> 56, $0.1 << 8 | UInt64($1)) }
        switch bytes.count {
        case 4:
            let low = UInt32(truncatingIfNeeded: number.1).bigEndian
            self.init(high: 0, low: UInt64(low), port: port, isIPv6: false)
        case 16:
            self =
                Self(
                    high: number.0.bigEndian,
                    low: number.1.bigEndian,
                    port: port,
                    isIPv6: true
                ).unmapped
        default: return nil
        }
    }

    /// How many bits an address of this kind has.
    var width: Int { isIPv6 ? 128 : 32 }

    /// The address as a number, of which IPv4 fills the lower 32 bits.
    var number: UInt128 {
        guard isIPv6 else { return UInt128(UInt32(truncatingIfNeeded: low).bigEndian) }
        return UInt128(high.bigEndian) << 64 | UInt128(low.bigEndian)
    }

    /// The first bits of the address.
    func prefix(_ bits: Int) -> UInt128 {
        // A shift by the whole width gives zero.
        number >> UInt128(width - bits)
    }

    /// Whom the address belongs to, as far as limits go: one IPv4 address, or an IPv6 network of 64 bits, of which
    /// whoever has one address has all.
    var client: UInt64 {
        isIPv6
            ? UInt64(truncatingIfNeeded: prefix(64)) ^ 0x9E37_79B9_7F4A_7C15
            : UInt64(truncatingIfNeeded: number)
    }

    /// An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) as what it is.
    ///
    /// Source: RFC 4291 §2.5.5.2.
    var unmapped: Self {
        guard isIPv6, prefix(96) == 0xFFFF else { return self }
        let four = UInt32(truncatingIfNeeded: number).bigEndian
        return Self(high: 0, low: UInt64(four), port: port, isIPv6: false)
    }
}
