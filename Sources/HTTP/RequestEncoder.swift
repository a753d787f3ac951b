/// Writes requests as they go over the wire.
enum RequestEncoder {
    static func encode(_ request: HTTPRequest, host: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + request.body.count)
        bytes.append(contentsOf: "\(request.method) \(request.target) HTTP/1.1\r\n".utf8)
        if request.headers["Host"] == nil { bytes.append(contentsOf: "Host: \(host)\r\n".utf8) }
        for field in request.headers.fields {
            bytes.append(contentsOf: "\(field.name): \(field.value)\r\n".utf8)
        }
        if !request.body.isEmpty || request.method == .post || request.method == .put
            || request.method == .patch
        {
            bytes.append(contentsOf: "Content-Length: \(request.body.count)\r\n".utf8)
        }
        bytes.append(contentsOf: "\r\n".utf8)
        bytes.append(contentsOf: request.body)
        return bytes
    }
}
