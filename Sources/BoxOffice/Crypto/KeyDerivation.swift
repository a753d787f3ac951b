/// Keys made from other keys.
package enum KeyDerivation {
    /// HKDF-SHA256: extract, then expand.
    ///
    /// Source: RFC 5869.
    ///
    /// An empty salt stands for 32 zero bytes, as the RFC has it.
    package static func hkdf(
        _ inputKey: [UInt8],
        salt: [UInt8] = [],
        info: [UInt8],
        count: Int = Digest.length
    ) -> [UInt8] {
        precondition(count <= 255 * Digest.length, "HKDF-SHA256 gives at most 8,160 bytes")
        let salt = salt.isEmpty ? [UInt8](repeating: 0, count: Digest.length) : salt
        let extracted = MessageCode.sha256(key: salt, inputKey)
        var output: [UInt8] = []
        var block: [UInt8] = []
        var index: UInt8 = 1
        while output.count < count {
            block = MessageCode.sha256(key: extracted, block + info + [index])
            output += block
            index &+= 1
        }
        return Array(output.prefix(count))
    }
}
