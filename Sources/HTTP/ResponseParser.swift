/// Turns the bytes of one connection into responses.
///
/// Pure: bytes in, responses out.
struct ResponseParser: Sendable {
    private var buffer = ByteBuffer()
    private var scanner = HeadScanner()
    private var pending: HTTPResponse?
    private var keepAlive = true
    private var body = BodyDecoder()

    /// Whether nothing of a response has come.
    var isIdle: Bool { buffer.isEmpty && pending == nil }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        buffer.append(bytes)
    }

    /// The next final response in what has been received; nil when more bytes are needed.
    ///
    /// - Parameters:
    ///   - method: what was asked; an answer to HEAD has no body whatever it says.
    ///   - limits: how large it may be.
    /// - Returns: the response, and whether its connection can be used again.
    /// - Throws: ``MessageFault``.
    mutating func next(
        answering method: HTTPMethod,
        limits: HTTPLimits
    ) throws(MessageFault) -> (response: HTTPResponse, keepAlive: Bool)? {
        while pending == nil {
            guard let length = try scanner.scan(buffer, limits: limits) else { return nil }
            try readHead(length, answering: method)
        }
        guard var response = pending else { return nil }
        pending = nil
        guard try body.decode(&buffer, into: &response.body, limit: limits.bodyBytes) else {
            pending = response
            return nil
        }
        return (response, keepAlive && buffer.isEmpty)
    }

    /// The response whose body ended with the connection, if that is how it ends.
    mutating func finish() -> HTTPResponse? {
        guard body.endsWithConnection else { return nil }
        defer { pending = nil }
        return pending
    }

    private mutating func readHead(_ length: Int, answering method: HTTPMethod) throws(MessageFault) {
        let head = try MessageHead(buffer.bytes[buffer.start..<(buffer.start + length)])
        buffer.consume(length)
        scanner = HeadScanner()
        let parts = head.firstLine.split(
            separator: ASCII.space,
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        // Three digits, and no sign: what is below 100 would be an answer whose end nobody knows.
        guard parts.count >= 2, parts[1].count == 3, parts[1].allSatisfy(ASCII.isDigit),
            let status = Int(String(decoding: parts[1], as: UTF8.self)), status >= 100
        else {
            throw .malformed("a bad status line")
        }
        let isOld = parts[0].elementsEqual("HTTP/1.0".utf8)
        guard isOld || parts[0].elementsEqual("HTTP/1.1".utf8) else { throw .malformed("a bad status line") }
        // Interim answers are passed over; switching protocols is never asked for.
        if status >= 100 && status < 200 { return }

        keepAlive = !isOld && !head.headers.lists("close", in: "Connection")
        if method == .head || status == 204 || status == 304 {
            body = BodyDecoder()
        } else if let framing = try BodyFraming.of(head.headers) {
            body = BodyDecoder(framing)
        } else {
            body = .untilClose()
            keepAlive = false
        }
        pending = HTTPResponse(status: status, headers: head.headers)
    }
}
