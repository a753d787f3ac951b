/// The client's half.
///
/// Source: RFC 6455 §4.1.
extension WebSocketHandshake {
    /// The request, and what the answer has to prove.
    static func request(
        _ target: String,
        host: String,
        key: String,
        headers: HTTPHeaders = [:]
    ) -> [UInt8] {
        var request = HTTPRequest(.get, target, headers: headers)
        request.headers.add("Upgrade", "websocket")
        request.headers.add("Connection", "Upgrade")
        request.headers.add("Sec-WebSocket-Version", "13")
        request.headers.add("Sec-WebSocket-Key", key)
        return RequestEncoder.encode(request, host: host)
    }

    /// Whether the head of an answer opens the socket that was asked for.
    ///
    /// No extension and no protocol was asked for, so an answer that has one is of another language.
    static func isAcceptance(_ head: MessageHead, of key: String) -> Bool {
        status(of: head) == 101
            && head.headers.lists("websocket", in: "Upgrade")
            && head.headers.lists("upgrade", in: "Connection")
            && head.headers.all("Sec-WebSocket-Accept") == [acceptance(of: key)]
            && head.headers["Sec-WebSocket-Extensions"] == nil
            && head.headers["Sec-WebSocket-Protocol"] == nil
    }

    /// The status in the head of an answer; nil when it is none of HTTP/1.1.
    static func status(of head: MessageHead) -> Int? {
        let parts = head.firstLine.split(
            separator: ASCII.space,
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        guard parts.count >= 2, parts[0].elementsEqual("HTTP/1.1".utf8), parts[1].count == 3 else {
            return nil
        }
        return Int(String(decoding: parts[1], as: UTF8.self))
    }
}
