/// The header that proves who sent a message and when: `t=<seconds since 1970>,v1=<hex HMAC-SHA256>`.
///
/// The code covers `t`, a dot and the body, so that an old message can't be sent again under a new time.
package struct WebhookSignature: Sendable {
    /// The name of the header, for callbacks in and webhooks out.
    package static let header = "Usher-Signature"

    private let secret: [UInt8]

    package init(secret: String) {
        self.secret = Array(secret.utf8)
    }

    /// The header's value for a body that is sent now.
    ///
    /// `seconds`: now, in seconds since 1970.
    package func sign(_ body: [UInt8], at seconds: Int64) -> String {
        "t=\(seconds),v1=\(Hex.encode(code(of: body, at: seconds)))"
    }

    /// Whether a header's value fits the body, and its time is within `tolerance` seconds of now.
    package func verify(_ header: String, _ body: [UInt8], at now: Int64, tolerance: Int64 = 300) -> Bool {
        var time: Int64?
        var codes: [[UInt8]] = []
        for part in header.split(separator: ",", maxSplits: 8) {
            if part.hasPrefix("t=") { time = Int64(part.dropFirst(2)) }
            if part.hasPrefix("v1=") { codes.append(Array(part.dropFirst(3).utf8)) }
        }
        guard let time, time > now - tolerance, time < now + tolerance else { return false }
        let expected = Array(Hex.encode(code(of: body, at: time)).utf8)
        return codes.contains { SecureBytes.equal($0, expected) }
    }

    private func code(of body: [UInt8], at seconds: Int64) -> [UInt8] {
        MessageCode.sha256(key: secret, Array("\(seconds).".utf8) + body)
    }
}
