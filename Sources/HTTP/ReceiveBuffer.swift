internal import Glibc

/// Where all connections of a loop receive, one after the other, before the bytes go to their parser.
struct ReceiveBuffer {
    private(set) var bytes = [UInt8](repeating: 0, count: 65_536)

    /// Receives what has come.
    ///
    /// - Returns: what `recv` returned: how many bytes, 0 at the end, -1 with `errno` set.
    mutating func receive(from descriptor: Int32) -> Int {
        unsafe bytes.withUnsafeMutableBufferPointer { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
    }
}
