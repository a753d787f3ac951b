internal import Glibc
import Reactor

/// A blocking socket on threads of its own, for bytes that no honest client would send.
package struct RawConnection: Sendable {
    private let descriptor: Int32

    /// Connects to a port of 127.0.0.1.
    package init(port: Int, receiveBuffer: Int32? = nil) async throws {
        descriptor = try await Reactor.Thread.run(name: "raw") {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if var receiveBuffer {
                unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4)
            }
            var wait = timeval(tv_sec: 30, tv_usec: 0)
            unsafe setsockopt(
                descriptor,
                SOL_SOCKET,
                SO_RCVTIMEO,
                &wait,
                socklen_t(MemoryLayout<timeval>.size)
            )
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else { throw ReactorError(call: "connect", errno: errno) }
            return descriptor
        }
    }

    package func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    package func send(_ bytes: [UInt8]) async throws {
        let descriptor = descriptor
        try await Reactor.Thread.run(name: "raw") {
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes[sent...].withUnsafeBufferPointer {
                    unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw ReactorError(call: "send", errno: errno) }
                sent += count
            }
        }
    }

    /// Reads until `enough` says so, or the other side ends.
    package func read(
        until enough: @escaping @Sendable (String) -> Bool = { _ in false }
    ) async throws -> String {
        let bytes = try await bytes { enough(String(decoding: $0.suffix(256), as: UTF8.self)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads bytes until `enough` says of all of them that they are, or the other side ends.
    package func bytes(until enough: @escaping @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        let descriptor = descriptor
        return try await Reactor.Thread.run(name: "raw") {
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
                guard count >= 0 else { throw ReactorError(call: "recv", errno: errno) }
                if count == 0 { break }
                all.append(contentsOf: buffer[..<count])
                if enough(all) { break }
            }
            return all
        }
    }

    package func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    package func close() {
        Glibc.close(descriptor)
    }
}
