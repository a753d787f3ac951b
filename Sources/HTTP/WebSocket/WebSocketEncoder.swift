/// Writes frames as they go over the wire, each message in one.
///
/// Source: RFC 6455 §5.2.
package enum WebSocketEncoder {
    /// A frame of a server, which masks nothing; with a mask, of a client.
    package static func frame(
        _ opcode: WebSocketFrameHeader.Opcode,
        _ payload: [UInt8],
        mask: [UInt8]? = nil
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 14)
        bytes.append(0x80 | opcode.rawValue)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case ...125: bytes.append(masked | UInt8(payload.count))
        case ...65_535: bytes += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        guard let mask else { return bytes + payload }
        bytes += mask
        bytes.append(contentsOf: payload.enumerated().map { $1 ^ mask[$0 & 3] })
        return bytes
    }

    /// A close frame; the reason is cut to what a control frame holds, at a character's end.
    package static func close(_ code: UInt16?, _ reason: String = "") -> [UInt8] {
        guard let code else { return frame(.close, []) }
        var text = ""
        for character in reason {
            let longer = text + String(character)
            guard longer.utf8.count <= WebSocketFrameHeader.controlLimit - 2 else { break }
            text = longer
        }
        return frame(.close, [UInt8(code >> 8), UInt8(code & 0xFF)] + text.utf8)
    }
}
