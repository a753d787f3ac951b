/// Turns the bytes of one connection into messages.
///
/// Pure: bytes in, events out.
///
/// Between messages it owns no memory of its own. After an error the connection can't be read any further.
///
/// Source: RFC 6455 §5 and §8.1.
package struct WebSocketDecoder: Sendable {
    package enum Event: Sendable, Hashable {
        case text([UInt8])
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        /// The other side is done; without a code it gave none.
        case close(code: UInt16?, reason: [UInt8])
    }

    private struct Frame: Sendable {
        var header: WebSocketFrameHeader
        /// How many bytes of the payload have been taken.
        var taken = 0
    }

    /// Whether the other side masks its frames, as clients must and servers must not.
    private let isMasked: Bool
    private var buffer = ByteBuffer()
    private var frame: Frame?
    /// The kind of the message that is under way.
    private var kind: WebSocketFrameHeader.Opcode?
    private var message: [UInt8] = []
    private var utf8 = UTF8Stream()

    /// `isMasked`: whether the other side masks its frames, as clients must and servers must not.
    package init(isMasked: Bool = true) {
        self.isMasked = isMasked
    }

    /// Whether nothing of a message has come.
    package var isIdle: Bool { buffer.isEmpty && frame == nil && kind == nil }

    /// Bytes that wait for the rest of their message.
    package var heldBytes: Int { buffer.count + message.count }

    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        buffer.append(bytes)
    }

    /// The next event in what has been received; nil when more bytes are needed.
    package mutating func next(limit: Int) throws(WebSocketFault) -> Event? {
        while true {
            if frame == nil {
                let rest = buffer.bytes[buffer.start...]
                guard let header = try WebSocketFrameHeader(rest, isMasked: isMasked) else { return nil }
                try check(header, limit: limit)
                buffer.consume(header.size)
                frame = Frame(header: header)
            }
            guard let current = frame else { return nil }
            if current.header.opcode.isControl {
                guard buffer.count >= current.header.length else { return nil }
                frame = nil
                return try control(current.header)
            }
            guard try takePayload() else { return nil }
            if let event = endOfFrame() { return event }
        }
    }

    private mutating func check(_ header: WebSocketFrameHeader, limit: Int) throws(WebSocketFault) {
        switch header.opcode {
        case .continuation:
            guard kind != nil else { throw .broken("a continuation of nothing") }
        case .text, .binary:
            guard kind == nil else { throw .broken("a message within a message") }
            kind = header.opcode
        case .close, .ping, .pong: return
        }
        guard header.length <= limit - message.count else { throw .tooLarge }
    }

    /// Takes what is there of the payload; false when there is more to come.
    private mutating func takePayload() throws(WebSocketFault) -> Bool {
        guard var current = frame else { return false }
        let count = min(current.header.length - current.taken, buffer.count)
        if count > 0 {
            let start = message.count
            message.append(contentsOf: unmasked(count, current.header.mask, from: current.taken))
            buffer.consume(count)
            current.taken += count
            frame = current
            if kind == .text, !utf8.take(message[start...]) { throw .notUTF8 }
        }
        guard current.taken == current.header.length else { return false }
        if current.header.isFinal, kind == .text, !utf8.isComplete { throw .notUTF8 }
        return true
    }

    private mutating func endOfFrame() -> Event? {
        let isFinal = frame?.header.isFinal ?? false
        frame = nil
        guard isFinal else { return nil }
        defer {
            kind = nil
            message = []
            utf8 = UTF8Stream()
        }
        return kind == .text ? .text(message) : .binary(message)
    }

    private mutating func control(_ header: WebSocketFrameHeader) throws(WebSocketFault) -> Event {
        let payload = unmasked(header.length, header.mask, from: 0)
        buffer.consume(header.length)
        switch header.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        default: return try Self.close(payload)
        }
    }

    private static func close(_ payload: [UInt8]) throws(WebSocketFault) -> Event {
        if payload.isEmpty { return .close(code: nil, reason: []) }
        guard payload.count >= 2 else { throw .broken("half a close code") }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: throw .broken("a close code that nobody may send")
        }
        let reason = Array(payload[2...])
        var utf8 = UTF8Stream()
        guard utf8.take(reason), utf8.isComplete else { throw .notUTF8 }
        return .close(code: code, reason: reason)
    }

    private func unmasked(_ count: Int, _ mask: [UInt8]?, from offset: Int) -> [UInt8] {
        let bytes = buffer.bytes[buffer.start..<(buffer.start + count)]
        guard let mask else { return Array(bytes) }
        return bytes.enumerated().map { index, byte in byte ^ mask[(offset + index) & 3] }
    }
}
