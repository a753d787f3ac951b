/// The keys that sign what we hand to buyers.
///
/// The newest signs; every one that isn't retired verifies.
package struct SigningKeys: Sendable {
    /// One key.
    package struct Key: Sendable, Equatable {
        package let id: Int32
        package let secret: [UInt8]

        package init(id: Int32, secret: [UInt8]) {
            self.id = id
            self.secret = secret
        }
    }

    private let newest: Key
    private let byID: [Int32: Key]

    /// Nil when there is no key.
    package init?(_ keys: [Key]) {
        guard let newest = keys.max(by: { $0.id < $1.id }) else { return nil }
        self.newest = newest
        byID = Dictionary(keys.map { ($0.id, $0) }) { first, _ in first }
    }

    /// How many bytes of the code a token carries: half of HMAC-SHA256, which RFC 2104 §5 allows.
    static let codeLength = 16

    /// Base 64 of `u32(key) ‖ payload ‖ code`; the code covers `purpose`, so no token passes for another kind.
    func sign(_ payload: [UInt8], for purpose: String) -> String {
        let body = UInt32(bitPattern: newest.id).bigEndianBytes + payload
        return Base64URL.encode(body + code(body, purpose, newest))
    }

    /// The payload of a text that `sign` made for the same purpose.
    func open(_ text: some Sequence<UInt8>, for purpose: String) throws(TokenProblem) -> [UInt8] {
        guard let bytes = Base64URL.decode(text), bytes.count >= 4 + Self.codeLength else { throw .malformed }
        let id = Int32(bitPattern: UInt32(bigEndianBytes: bytes.prefix(4)))
        guard let key = byID[id] else { throw .unknownKey }
        let body = Array(bytes.dropLast(Self.codeLength))
        guard SecureBytes.equal(Array(bytes.suffix(Self.codeLength)), code(body, purpose, key)) else {
            throw .forged
        }
        return Array(body.dropFirst(4))
    }

    /// The payload of a text that some key made, unchecked.
    static func payload(_ text: some Sequence<UInt8>) throws(TokenProblem) -> [UInt8] {
        guard let bytes = Base64URL.decode(text), bytes.count >= 4 + codeLength else { throw .malformed }
        return Array(bytes.dropFirst(4).dropLast(codeLength))
    }

    private func code(_ body: [UInt8], _ purpose: String, _ key: Key) -> [UInt8] {
        Array(MessageCode.sha256(key: key.secret, Array(purpose.utf8) + [0] + body).prefix(Self.codeLength))
    }
}
