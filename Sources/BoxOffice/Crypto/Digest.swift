internal import COpenSSL

/// Fingerprints of bytes.
package enum Digest {
    /// How many bytes SHA-256 gives.
    package static let length = 32

    /// SHA-256.
    ///
    /// Source: FIPS 180-4.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            unsafe bytes.withUnsafeBufferPointer { input in
                _ = unsafe SHA256(input.baseAddress, input.count, output.baseAddress)
            }
            count = length
        }
    }

    /// SHA-256 of a string's UTF-8.
    package static func sha256(_ text: String) -> [UInt8] { sha256(Array(text.utf8)) }
}
