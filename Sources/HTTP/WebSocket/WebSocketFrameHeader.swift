/// The head of a frame: what it is, how long, and what it is masked with.
///
/// Source: RFC 6455 §5.2.
package struct WebSocketFrameHeader: Sendable, Hashable {
    /// What a frame carries.
    package enum Opcode: UInt8, Sendable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        var isControl: Bool { rawValue >= 0x8 }
    }

    /// The longest payload of a control frame.
    static let controlLimit = 125

    var opcode: Opcode
    var isFinal: Bool
    var length: Int
    var mask: [UInt8]?
    /// How many bytes the head itself has.
    var size: Int

    /// Reads a head from the front of `bytes`; nil when more of it has to come.
    ///
    /// What can be refused after two bytes is.
    init?(_ bytes: ArraySlice<UInt8>, isMasked: Bool) throws(WebSocketFault) {
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (bytes[bytes.startIndex], bytes[bytes.startIndex + 1])
        guard first & 0x70 == 0 else { throw .broken("a reserved bit is set") }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .broken("an unknown opcode") }
        guard (second & 0x80 != 0) == isMasked else {
            throw .broken(isMasked ? "a frame without a mask" : "a frame with a mask")
        }
        isFinal = first & 0x80 != 0
        self.opcode = opcode
        let short = Int(second & 0x7F)
        if opcode.isControl {
            guard isFinal else { throw .broken("a control frame in parts") }
            guard short <= Self.controlLimit else { throw .broken("a control frame that is too long") }
        }
        let lengthBytes = short == 127 ? 8 : short == 126 ? 2 : 0
        size = 2 + lengthBytes + (isMasked ? 4 : 0)
        guard bytes.count >= size else { return nil }
        var position = bytes.startIndex + 2
        length = short
        if lengthBytes > 0 {
            guard lengthBytes == 2 || bytes[position] & 0x80 == 0 else {
                throw .broken("a length with its first bit set")
            }
            length = bytes[position..<(position + lengthBytes)].reduce(0) { $0 << 8 | Int($1) }
            position += lengthBytes
            guard length > (lengthBytes == 2 ? 125 : 65_535) else {
                throw .broken("a length in more bytes than it needs")
            }
        }
        mask = isMasked ? Array(bytes[position..<(position + 4)]) : nil
    }
}
