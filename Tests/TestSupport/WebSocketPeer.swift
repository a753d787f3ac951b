import HTTP

/// The client's side of a WebSocket, which says what it is told to, right or wrong.
package struct WebSocketPeer: Sendable {
    package enum Message: Sendable, Hashable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(code: UInt16?, reason: [UInt8])
    }

    /// How the peer ended what should have begun.
    package struct NoSocket: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    package let raw: RawConnection
    private var decoder = WebSocketDecoder(isMasked: false)

    /// The request that asks for a WebSocket; `changes` replace fields, or take them away.
    package static func handshake(_ path: String, _ changes: [String: String?] = [:]) -> String {
        var fields: [String: String] = [
            "Host": "a", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ]
        for (name, value) in changes { fields[name] = value }
        let lines = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }
        return "GET \(path) HTTP/1.1\r\n" + lines.joined() + "\r\n"
    }

    /// Connects to a port of 127.0.0.1 and shakes hands; `early` are bytes that come with the handshake, whose fields
    /// `changes` replace.
    package init(
        port: Int,
        path: String,
        early: [UInt8] = [],
        changes: [String: String?] = [:]
    ) async throws {
        raw = try await RawConnection(port: port)
        try await raw.send(Array(Self.handshake(path, changes).utf8) + early)
        let bytes = try await raw.bytes { $0.firstRange(of: Array("\r\n\r\n".utf8)) != nil }
        let head = String(decoding: bytes, as: UTF8.self)
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)),
            head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"),
            head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            !head.contains("Content-Length")
        else { throw NoSocket(description: "no WebSocket: \(head)") }
        decoder.append(bytes[end.upperBound...])
    }

    package func send(_ message: Message) async throws {
        let mask: [UInt8] = [1, 2, 3, 4]
        switch message {
        case .text(let text): try await raw.send(WebSocketEncoder.frame(.text, text, mask: mask))
        case .binary(let bytes): try await raw.send(WebSocketEncoder.frame(.binary, bytes, mask: mask))
        case .ping(let bytes): try await raw.send(WebSocketEncoder.frame(.ping, bytes, mask: mask))
        case .pong(let bytes): try await raw.send(WebSocketEncoder.frame(.pong, bytes, mask: mask))
        case .close(let code, let reason):
            let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + reason } ?? []
            try await raw.send(WebSocketEncoder.frame(.close, payload, mask: mask))
        }
    }

    /// What the server says next; nil when it has hung up.
    package mutating func next() async throws -> Message? {
        while true {
            switch try decoder.next(limit: 10_000_000) {
            case .text(let text): return .text(text)
            case .binary(let bytes): return .binary(bytes)
            case .ping(let bytes): return .ping(bytes)
            case .pong(let bytes): return .pong(bytes)
            case .close(let code, let reason): return .close(code: code, reason: reason)
            case nil: break
            }
            let bytes = try await raw.bytes { !$0.isEmpty }
            if bytes.isEmpty { return nil }
            decoder.append(bytes[...])
        }
    }
}
