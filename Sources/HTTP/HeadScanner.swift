/// Finds where a message's head ends, looking at each byte once however the bytes arrive.
///
/// It is strict about what lets two programs see two different messages: each line ends in CR LF, and there are no
/// other control characters. Source: RFC 9112 §2.2 and §11.2.
struct HeadScanner: Sendable {
    /// Relative to the buffer's unconsumed bytes.
    private var position = 0
    private var lineStart = 0
    private var lines = 0

    /// Looks at the bytes that came since the last call.
    ///
    /// - Returns: how many bytes the head has, its empty line included; nil while the end has not come.
    mutating func scan(_ buffer: ByteBuffer, limits: HTTPLimits) throws(MessageFault) -> Int? {
        let bytes = buffer.bytes.span
        let base = buffer.start
        let count = buffer.count
        while position < count {
            let byte = bytes[base + position]
            let afterReturn = position > lineStart && bytes[base + position - 1] == ASCII.carriageReturn
            if byte == ASCII.lineFeed {
                guard afterReturn else { throw .malformed("a line ends without CR") }
                if try endLine(length: position - 1 - lineStart, limits: limits) { return position + 1 }
            } else {
                if afterReturn { throw .malformed("a CR is not followed by LF") }
                if byte < 0x20 && byte != ASCII.carriageReturn && byte != ASCII.tab || byte == 0x7F {
                    throw .malformed("a control character in the header")
                }
                position += 1
                if lines == 0 && position - lineStart > limits.targetBytes + 32 { throw .targetTooLong }
                if position > limits.headerBytes { throw .headerTooLarge }
            }
        }
        return nil
    }

    private mutating func endLine(length: Int, limits: HTTPLimits) throws(MessageFault) -> Bool {
        if length == 0 {
            if lines > 0 { return true }
            // One empty line may stray in front of a request. Source: RFC 9112 §2.2.
            guard lineStart == 0 else { throw .malformed("empty lines before the request") }
        } else {
            lines += 1
            if lines > limits.headerFields + 1 { throw .headerTooLarge }
        }
        position += 1
        lineStart = position
        return false
    }
}
