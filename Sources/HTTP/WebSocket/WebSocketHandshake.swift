internal import COpenSSL

/// The HTTP exchange that begins a WebSocket.
///
/// Source: RFC 6455 §4.2.
enum WebSocketHandshake {
    /// The answer that accepts.
    ///
    /// - Throws: ``Problem`` 400 for what is no handshake, 426 for another version.
    static func accept(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        guard request.method == .get, request.asksForWebSocket,
            request.headers.lists("upgrade", in: "Connection")
        else {
            throw .malformedRequest.with(detail: "a WebSocket begins with GET and Connection: Upgrade")
        }
        guard request.body.isEmpty else {
            throw .malformedRequest.with(detail: "a WebSocket's handshake has no body")
        }
        guard request.headers.all("Sec-WebSocket-Version") == ["13"] else { throw .upgradeRequired }
        let keys = request.headers.all("Sec-WebSocket-Key")
        guard keys.count == 1, isKey(keys[0]) else {
            throw .malformedRequest.with(detail: "Sec-WebSocket-Key must be 16 bytes in base64")
        }
        return HTTPResponse(
            status: 101,
            headers: [
                "Upgrade": "websocket", "Connection": "Upgrade",
                "Sec-WebSocket-Accept": acceptance(of: keys[0]),
            ]
        )
    }

    /// Sixteen bytes in base64: 22 characters and two signs of padding, the last character with four bits to spare.
    private static func isKey(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes[22...].allSatisfy({ $0 == UInt8(ascii: "=") }) else { return false }
        return bytes[..<22].allSatisfy { digits.contains($0) } && "AQgw".utf8.contains(bytes[21])
    }

    /// What proves that the server has understood.
    static func acceptance(of key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        let digest = unsafe [UInt8](unsafeUninitializedCapacity: 20) { output, count in
            unsafe text.withUnsafeBufferPointer { input in
                _ = unsafe SHA1(input.baseAddress, input.count, output.baseAddress)
            }
            count = 20
        }
        return base64(digest)
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            var part: [UInt8] = []
            for _ in 0..<4 {
                part.append(digits[word & 63])
                word >>= 6
            }
            text += part.reversed().prefix(group.count + 1)
            text += [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
