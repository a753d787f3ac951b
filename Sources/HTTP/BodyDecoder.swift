/// Takes a body out of its framing, whatever pieces it comes in.
///
/// Source: RFC 9112 §6 and §7.
struct BodyDecoder: Sendable {
    private enum State: Sendable {
        case none
        case length(Int)
        case untilClose
        /// A chunk's size line, of which this many bytes have been looked at.
        case chunkSize(seen: Int)
        case chunkData(Int)
        case chunkEnd
        /// The lines after the last chunk, which are checked and dropped.
        case trailers(seen: Int)
    }

    /// A chunk's size line and all trailers may each be this long.
    private static let maxLine = 4_096

    private var state: State

    /// A body that is already over.
    init() {
        state = .none
    }

    init(_ framing: BodyFraming) {
        switch framing {
        case .none: state = .none
        case .length(let length): state = .length(length)
        case .chunked: state = .chunkSize(seen: 0)
        }
    }

    /// A body that ends with its connection.
    static func untilClose() -> Self {
        var decoder = Self()
        decoder.state = .untilClose
        return decoder
    }

    var endsWithConnection: Bool {
        if case .untilClose = state { true } else { false }
    }

    /// Moves what has come from `buffer` to `body`.
    ///
    /// - Returns: whether the body is complete.
    mutating func decode(
        _ buffer: inout ByteBuffer,
        into body: inout [UInt8],
        limit: Int
    ) throws(MessageFault) -> Bool {
        while true {
            switch state {
            case .none:
                return true
            case .length(let remaining):
                let taken = try take(remaining, from: &buffer, into: &body, limit: limit)
                guard taken == remaining else {
                    state = .length(remaining - taken)
                    return false
                }
                state = .none
            case .untilClose:
                _ = try take(buffer.count, from: &buffer, into: &body, limit: limit)
                return false
            case .chunkData(let remaining):
                let taken = try take(remaining, from: &buffer, into: &body, limit: limit)
                guard taken == remaining else {
                    state = .chunkData(remaining - taken)
                    return false
                }
                state = .chunkEnd
            case .chunkEnd:
                guard buffer.count >= 2 else { return false }
                let bytes = buffer.bytes
                guard bytes[buffer.start] == ASCII.carriageReturn, bytes[buffer.start + 1] == ASCII.lineFeed
                else {
                    throw .malformed("a chunk is longer than its size")
                }
                buffer.consume(2)
                state = .chunkSize(seen: 0)
            case .chunkSize(var seen):
                guard let line = try Self.line(&buffer, seen: &seen) else {
                    state = .chunkSize(seen: seen)
                    return false
                }
                let size = try Self.size(of: line)
                guard size <= limit - body.count else { throw .bodyTooLarge }
                state = size == 0 ? .trailers(seen: 0) : .chunkData(size)
            case .trailers(var seen):
                guard let line = try Self.line(&buffer, seen: &seen) else {
                    state = .trailers(seen: seen)
                    return false
                }
                if line.isEmpty {
                    state = .none
                } else {
                    guard let colon = line.firstIndex(of: ASCII.colon), colon > 0,
                        line[..<colon].allSatisfy(ASCII.isToken)
                    else { throw .malformed("a bad trailer") }
                    state = .trailers(seen: 0)
                }
            }
        }
    }

    private func take(
        _ wanted: Int,
        from buffer: inout ByteBuffer,
        into body: inout [UInt8],
        limit: Int
    ) throws(MessageFault) -> Int {
        let taken = min(wanted, buffer.count)
        guard taken <= limit - body.count else { throw .bodyTooLarge }
        body.append(contentsOf: buffer.bytes[buffer.start..<(buffer.start + taken)])
        buffer.consume(taken)
        return taken
    }

    /// Takes one line off the buffer, without its CR LF.
    private static func line(_ buffer: inout ByteBuffer, seen: inout Int) throws(MessageFault) -> [UInt8]? {
        let start = buffer.start
        while seen < buffer.count {
            let byte = buffer.bytes[start + seen]
            let afterReturn = seen > 0 && buffer.bytes[start + seen - 1] == ASCII.carriageReturn
            if byte == ASCII.lineFeed {
                guard afterReturn else { throw .malformed("a line ends without CR") }
                let line = Array(buffer.bytes[start..<(start + seen - 1)])
                buffer.consume(seen + 1)
                return line
            }
            if afterReturn { throw .malformed("a CR is not followed by LF") }
            if byte < 0x20 && byte != ASCII.carriageReturn && byte != ASCII.tab || byte == 0x7F {
                throw .malformed("a control character in the chunked framing")
            }
            seen += 1
            guard seen <= maxLine else { throw .malformed("a line of the chunked framing is too long") }
        }
        return nil
    }

    /// The size at the front of a chunk's first line; extensions are ignored.
    private static func size(of line: [UInt8]) throws(MessageFault) -> Int {
        var size = 0
        var digits = 0
        for byte in line {
            guard let digit = ASCII.hexValue(byte) else { break }
            digits += 1
            guard digits <= 15 else { throw .malformed("a chunk's size is too large") }
            size = size << 4 | Int(digit)
        }
        guard digits > 0 else { throw .malformed("a chunk without a size") }
        let rest = line[digits...]
        guard rest.isEmpty || rest.first == ASCII.semicolon else { throw .malformed("a bad chunk size") }
        return size
    }
}
