internal import CLinux
internal import Glibc
internal import Reactor

/// A host and a port to send requests to.
public struct HTTPEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address literal.
    public let host: String
    /// The port.
    public let port: Int

    /// Makes an endpoint.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// The host and the port of a URL such as `http://127.0.0.1:8080/path`; https is not spoken here.
    public init?(url: String) {
        guard url.lowercased().hasPrefix("http://") else { return nil }
        let authority = url.dropFirst(7).prefix { $0 != "/" && $0 != "?" }
        let colon = authority.lastIndex(of: ":")
        let isPort = colon.map { !authority[$0...].contains("]") } ?? false
        let host = if let colon, isPort { authority[..<colon] } else { authority }
        let port = if let colon, isPort { Int(authority[authority.index(after: colon)...]) } else { 80 }
        guard let port, (1...65_535).contains(port), !host.isEmpty else { return nil }
        self.init(host: host.filter { $0 != "[" && $0 != "]" }, port: port)
    }

    /// The host and port as the `Host` field has them.
    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Looks the name up, on a thread of its own because the system's call blocks.
    func resolve() async throws -> SocketAddress {
        if let literal = SocketAddress(literal: host, port: UInt16(clamping: port)) { return literal }
        let (host, port) = (host, port)
        return try await Reactor.Thread.run(name: "resolve") {
            var hints = unsafe addrinfo()
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            let code = unsafe getaddrinfo(host, String(port), &hints, &list)
            guard code == 0, let first = unsafe list, let address = unsafe first.pointee.ai_addr else {
                throw HTTPClientError(.unresolved, "\(host): \(unsafe String(cString: gai_strerror(code)))")
            }
            defer { unsafe freeaddrinfo(list) }
            var storage = sockaddr_storage()
            let length = min(Int(unsafe first.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            unsafe memcpy(&storage, address, length)
            return SocketAddress(storage)
        }
    }
}
