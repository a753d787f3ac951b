internal import COpenSSL

/// Unguessable bytes, and comparing secrets without telling how far they agree.
package enum SecureBytes {
    /// Bytes from OpenSSL's generator, for keys.
    package static func random(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { output, written in
            let result = unsafe RAND_bytes(output.baseAddress, Int32(count))
            precondition(result == 1, "the system has no randomness to give")
            written = count
        }
    }

    /// Whether both are the same, in a time that depends on their length only.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
            }
        }
    }
}
