internal import CLinux
internal import Glibc

/// Looks at ports before anything is started on them.
enum PortCheck {
    /// The port itself if it can be listened on; a free one for zero.
    ///
    /// - Throws: ``Failure`` when somebody else listens there, or the address isn't ours.
    static func available(_ port: Int, on host: String) throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("cannot open a socket") }
        defer { close(descriptor) }
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        guard unsafe inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw Failure("\(host) is not an IPv4 address, such as 127.0.0.1 or 0.0.0.0")
        }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let bound = unsafe bind(descriptor, address, length)
                return bound == 0 ? unsafe getsockname(descriptor, address, &length) : bound
            }
        }
        guard code == 0 else {
            let reason =
                errno == EADDRINUSE
                ? "is taken" : "cannot be used: \(unsafe String(cString: strerror(errno)))"
            throw Failure(
                "port \(port) of \(host) \(reason); --port and --admin-port take another, 0 any free one"
            )
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
