/// Writes responses as they go over the wire.
enum ResponseEncoder {
    static let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// Appends a response.
    ///
    /// - Parameters:
    ///   - response: what to send.
    ///   - output: where to.
    ///   - date: the current date as HTTP writes it.
    ///   - withoutBody: for an answer to HEAD: the header tells of the body, which is left out.
    ///   - close: tells the client that no further request is answered here.
    ///   - standing: lines that every response has, each behind its CR LF.
    ///   - requestID: what logs call the request; empty for none.
    static func append(
        _ response: HTTPResponse,
        to output: inout [UInt8],
        date: String,
        withoutBody: Bool,
        close: Bool,
        standing: [UInt8] = [],
        requestID: String = ""
    ) {
        let hasBody = !withoutBody && !response.body.isEmpty && mayHaveBody(response.status)
        output.reserveCapacity(output.count + 384 + (hasBody ? response.body.count : 0))
        if let head = response.head {
            output.append(contentsOf: head)
        } else {
            appendHead(response, to: &output)
        }
        line("Date", date, &output)
        if close { line("Connection", "close", &output) }
        if !requestID.isEmpty { line("X-Request-Id", requestID, &output) }
        output.append(contentsOf: standing)
        output.append(contentsOf: "\r\n\r\n".utf8)
        if hasBody { output.append(contentsOf: response.body) }
    }

    /// The part of a response's head that is the same whenever and to whom it is sent.
    static func head(_ response: HTTPResponse) -> [UInt8] {
        var head: [UInt8] = []
        appendHead(response, to: &head)
        return head
    }

    private static func appendHead(_ response: HTTPResponse, to output: inout [UInt8]) {
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        output.append(contentsOf: String(response.status).utf8)
        output.append(ASCII.space)
        output.append(contentsOf: reason(response.status).utf8)
        for field in response.headers.fields where isSendable(field) {
            line(field.name, field.value, &output)
        }
        if mayHaveBody(response.status) { line("Content-Length", String(response.body.count), &output) }
    }

    private static func mayHaveBody(_ status: Int) -> Bool {
        status >= 200 && status != 204 && status != 304
    }

    /// Appends the head of a body that has no end yet.
    ///
    /// - Parameters:
    ///   - headers: what it is.
    ///   - output: where to.
    ///   - date: the current date as HTTP writes it.
    ///   - isChunked: false for a client that takes what comes until the connection ends.
    ///   - standing: lines that every response has, each behind its CR LF.
    ///   - requestID: what logs call the request; empty for none.
    static func appendStreamHead(
        headers: HTTPHeaders,
        to output: inout [UInt8],
        date: String,
        isChunked: Bool,
        standing: [UInt8] = [],
        requestID: String = ""
    ) {
        output.append(contentsOf: "HTTP/1.1 200 OK".utf8)
        line("Date", date, &output)
        for field in headers.fields where isSendable(field) { line(field.name, field.value, &output) }
        line(isChunked ? "Transfer-Encoding" : "Connection", isChunked ? "chunked" : "close", &output)
        if !requestID.isEmpty { line("X-Request-Id", requestID, &output) }
        output.append(contentsOf: standing)
        output.append(contentsOf: "\r\n\r\n".utf8)
    }

    /// Lays out lines that every response of a server has.
    static func standing(_ headers: HTTPHeaders) -> [UInt8] {
        var lines: [UInt8] = []
        for field in headers.fields where isSendable(field) { line(field.name, field.value, &lines) }
        return lines
    }

    private static func line(_ name: String, _ value: String, _ output: inout [UInt8]) {
        output.append(ASCII.carriageReturn)
        output.append(ASCII.lineFeed)
        output.append(contentsOf: name.utf8)
        output.append(ASCII.colon)
        output.append(ASCII.space)
        output.append(contentsOf: value.utf8)
    }

    /// A line break in a value would let whoever chose it write headers of their own.
    private static func isSendable(_ field: HTTPHeaders.Field) -> Bool {
        field.name.utf8.allSatisfy(ASCII.isToken)
            && field.value.utf8.allSatisfy { $0 >= 0x20 || $0 == ASCII.tab }
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }
}
