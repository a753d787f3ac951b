/// Who asks for a place, as far as the room must tell people apart.
package enum Buyer: Sendable {
    /// Someone whose identity was proven elsewhere, such as an e-mail address behind a code.
    case proven(String)
    /// Someone who stays unknown and keeps a secret of at least 128 bits.
    case secret([UInt8])

    /// What the place keeps of it: a hash under the on-sale's own salt, so that two on-sales can't be compared.
    package func fingerprint(under salt: [UInt8]) -> [UInt8] {
        let message: [UInt8] =
            switch self {
            case .proven(let identity): Array("usher.buyer.proven.v1\0".utf8) + Array(identity.utf8)
            case .secret(let secret): Array("usher.buyer.secret.v1\0".utf8) + secret
            }
        return Array(MessageCode.sha256(key: salt, message).prefix(16))
    }
}
