/// Keyed fingerprints: only a holder of the key can make or check one.
package enum MessageCode {
    /// HMAC-SHA256.
    ///
    /// Source: RFC 2104.
    ///
    /// By hand, because OpenSSL's one call looks up its code by name each time, which takes longer than the code.
    package static func sha256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let key = key.count > blockLength ? Digest.sha256(key) : key
        let inner = Digest.sha256(pad(key, 0x36, before: message))
        return Digest.sha256(pad(key, 0x5C, before: inner))
    }

    /// How many bytes SHA-256 takes at a time.
    private static let blockLength = 64

    /// A block of the key, mixed with a byte, and what follows it.
    private static func pad(_ key: [UInt8], _ byte: UInt8, before rest: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(blockLength + rest.count)
        bytes.append(contentsOf: repeatElement(byte, count: blockLength))
        for index in key.indices { bytes[index] ^= key[index] }
        bytes += rest
        return bytes
    }
}
