internal import Glibc
internal import Reactor

/// A TCP proxy on 127.0.0.1 between clients and a server, that loses what a network loses.
///
/// It works on threads with blocking sockets: it stands in for the world outside of the process.
package final class TestProxy: Sendable {
    private struct State {
        var isMute = false
        /// Both ends of every connection.
        var sockets: Set<Int32> = []
    }

    /// Both ends of one connection, closed when neither direction is left.
    private final class Pair: Sendable {
        let client: Int32
        let server: Int32
        private let directions = Lock(2)

        init(client: Int32, server: Int32) {
            self.client = client
            self.server = server
        }

        /// Ends one direction and with it the other.
        ///
        /// - Returns: whether both have ended.
        func end() -> Bool {
            for socket in [client, server] { shutdown(socket, Int32(SHUT_RDWR)) }
            return directions.withLock { left in
                left -= 1
                return left == 0
            }
        }
    }

    /// Where clients connect to.
    package let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Lock(State())

    /// Listens on a port of its own, for a server on a port of 127.0.0.1.
    package init(to target: Int) throws {
        self.target = target
        (listener, port) = try Self.listenAnywhere()
        let listener = listener
        try Thread.start(name: "proxy") { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let self, let server = Self.connect(to: self.target) else {
                    close(client)
                    continue
                }
                self.serve(Pair(client: client, server: server))
            }
        }
    }

    deinit {
        cut()
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// From here on what the server says is swallowed, while what clients say still reaches it.
    package func mute() {
        state.withLock { $0.isMute = true }
    }

    /// Cuts every connection at both ends; those that come afterwards are served well.
    package func cut() {
        state.withLock { state in
            state.isMute = false
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    private func serve(_ pair: Pair) {
        state.withLock { state in state.sockets.formUnion([pair.client, pair.server]) }
        let ended: @Sendable () -> Void = { [weak self] in
            guard pair.end() else { return }
            self?.state.withLock { state in state.sockets.subtract([pair.client, pair.server]) }
            close(pair.client)
            close(pair.server)
        }
        let up: @Sendable () -> Void = {
            Self.copy(from: pair.client, to: pair.server) { false }
            ended()
        }
        let down: @Sendable () -> Void = { [weak self] in
            Self.copy(from: pair.server, to: pair.client) { self?.state.withLock { $0.isMute } ?? true }
            ended()
        }
        for direction in [up, down] {
            do { try Thread.start(name: "proxy", direction) } catch { ended() }
        }
    }

    // MARK: Sockets

    private static func copy(from source: Int32, to sink: Int32, swallowing: () -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            if swallowing() { continue }
            var sent = 0
            while sent < count {
                let step = unsafe buffer.withUnsafeBytes { bytes in
                    unsafe send(
                        sink,
                        bytes.baseAddress?.advanced(by: sent),
                        count - sent,
                        Int32(MSG_NOSIGNAL)
                    )
                }
                guard step > 0 else { return }
                sent += step
            }
        }
    }

    private static func listenAnywhere() throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let bound = unsafe withLoopback(port: 0) { unsafe bind(descriptor, $0, $1) }
        guard bound == 0, listen(descriptor, 64) == 0 else {
            throw ReactorError(call: "listen", errno: errno)
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe getsockname(descriptor, $0, &length)
            }
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    private static func connect(to port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let connected = unsafe withLoopback(port: port) { unsafe Glibc.connect(descriptor, $0, $1) }
        guard connected == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func withLoopback(
        port: Int,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
