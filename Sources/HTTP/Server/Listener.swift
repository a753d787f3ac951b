internal import CLinux
internal import Glibc

/// A listening socket, opened on the loop that accepts from it.
enum Listener {
    /// Finds out whether the port can be had, which several listeners with SO_REUSEPORT would never tell.
    ///
    /// - Returns: a socket that keeps the port from being given to others, to close once the listeners listen, and
    ///   the port, chosen by the system where `address` leaves it open.
    static func reserve(_ address: SocketAddress) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = try bound(address, sharesPort: false)
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe getsockname(descriptor, $0, &length)
            }
        }
        return (descriptor, SocketAddress(storage).port)
    }

    /// What the system takes of one connection beyond what is on its way, in bytes: without a bound it would be megabytes
    /// of whoever asks and doesn't read.
    private static let unsentLimit: Int32 = 131_072

    /// Opens a non-blocking socket that listens.
    static func open(_ address: SocketAddress) throws -> Int32 {
        let descriptor = try bound(address, sharesPort: true)
        var limit = unsentLimit
        // What it accepts inherits it.
        unsafe setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            Int32(USHER_TCP_NOTSENT_LOWAT),
            &limit,
            socklen_t(MemoryLayout<Int32>.size)
        )
        guard listen(descriptor, 4_096) == 0 else { throw failure(address, closing: descriptor) }
        return descriptor
    }

    private static func bound(_ address: SocketAddress, sharesPort: Bool) throws -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(USHER_SOCK_NONBLOCK) | Int32(USHER_SOCK_CLOEXEC)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw failure(address, closing: -1) }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if sharesPort { unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, size) }
        guard unsafe address.withSystemAddress({ unsafe bind(descriptor, $0, $1) }) == 0 else {
            throw failure(address, closing: descriptor)
        }
        return descriptor
    }

    private static func failure(_ address: SocketAddress, closing descriptor: Int32) -> HTTPServerError {
        let code = errno
        if descriptor >= 0 { close(descriptor) }
        let reason =
            code == EADDRINUSE
            ? "the port is in use by another program" : unsafe String(cString: strerror(code))
        return HTTPServerError(description: "cannot listen on \(address): \(reason)")
    }
}
