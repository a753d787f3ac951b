internal import COpenSSL

/// Keyed fingerprints: only a holder of the key can make or check one.
package enum MessageCode {
    /// HMAC-SHA256.
    ///
    /// Source: RFC 2104.
    package static func sha256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Digest.length) { output, count in
            unsafe key.withUnsafeBytes { key in
                unsafe message.withUnsafeBufferPointer { message in
                    _ = unsafe HMAC(
                        EVP_sha256(),
                        key.baseAddress,
                        Int32(key.count),
                        message.baseAddress,
                        message.count,
                        output.baseAddress,
                        nil
                    )
                }
            }
            count = Digest.length
        }
    }
}
