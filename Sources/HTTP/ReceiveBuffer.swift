internal import Glibc

/// Where all connections of a loop receive, one after the other, before the bytes go to their parser.
struct ReceiveBuffer {
    private(set) var bytes = [UInt8](repeating: 0, count: 65_536)

    /// Receives what has come.
    ///
    /// - Returns: what `recv` returned: how many bytes, 0 at the end, -1 with `errno` set.
    mutating func receive(from descriptor: Int32, through tls: TLSSession? = nil) -> Int {
        guard let tls else { return receive(bytes.count, from: descriptor) }
        return unsafe bytes.withUnsafeMutableBufferPointer { unsafe tls.receive(into: $0) }
    }

    /// Receives at most so many bytes.
    ///
    /// - Returns: what `recv` returned.
    mutating func receive(_ limit: Int, from descriptor: Int32, flags: Int32 = 0) -> Int {
        unsafe bytes.withUnsafeMutableBufferPointer {
            unsafe recv(descriptor, $0.baseAddress, min(limit, $0.count), flags)
        }
    }
}
