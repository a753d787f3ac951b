internal import COpenSSL

/// Fingerprints of bytes.
package enum Digest {
    /// How many bytes SHA-256 gives.
    package static let length = 32

    /// OpenSSL's code for SHA-256, looked up once: where it is asked for by name, each use looks it up again, which takes
    /// longer than a short digest.
    nonisolated(unsafe) static let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil)

    /// SHA-256.
    ///
    /// Source: FIPS 180-4.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            unsafe bytes.withUnsafeBufferPointer { input in
                _ = unsafe EVP_Digest(input.baseAddress, input.count, output.baseAddress, nil, algorithm, nil)
            }
            count = length
        }
    }

    /// SHA-256 of a string's UTF-8.
    package static func sha256(_ text: String) -> [UInt8] { sha256(Array(text.utf8)) }
}
