internal import COpenSSL
internal import Foundation
public import Postgres

/// Keeps payloads encrypted in the tables, under keys that can be changed.
///
/// ```swift
/// let codec = try EncryptedPayloads(keys: ["2026": new, "2025": old], current: "2026")
/// let store = JobStore(postgres: client, codec: codec)
/// let registry = WorkflowRegistry(codec: codec)
/// ```
/// What is new is encrypted under the current key; what is under any other that is listed is read as well, and what was
/// stored before there was a key is read as it is. AES-256-GCM with a random nonce; what the payload is, and whose, is
/// authenticated with it (``PayloadSubject/text``), so that nobody can pass one off as another.
public struct EncryptedPayloads: PayloadCodec {
    private static let nonceLength = 12
    private static let tagLength = 16
    private static let marker = "usher:aes-256-gcm"

    private let keys: [String: [UInt8]]
    private let current: String
    private let names: Set<String>?

    /// Makes a codec.
    ///
    /// - Parameters:
    ///   - keys: 32 bytes each, under names of your own that are stored with what they encrypt.
    ///   - current: the name of the one for new payloads.
    ///   - names: the jobs and workflows whose payloads are encrypted; nil is all. Events and published values are
    ///     encrypted whoever they are for.
    /// - Throws: ``JobsError`` (`invalidKey`).
    public init(keys: [String: [UInt8]], current: String, only names: Set<String>? = nil) throws {
        for (name, key) in keys.sorted(by: { $0.key < $1.key }) where key.count != 32 {
            throw JobsError(
                code: .invalidKey,
                message: "key \(name) has \(key.count) bytes; AES-256 takes 32"
            )
        }
        guard keys[current] != nil else {
            throw JobsError(code: .invalidKey, message: "the current key \(current) is not among the keys")
        }
        self.keys = keys
        self.current = current
        self.names = names
    }

    private func isMeant(_ subject: PayloadSubject) -> Bool {
        guard let names, let job = subject.job else { return true }
        return names.contains(job)
    }

    private struct Envelope: Codable {
        let sealed: String
        let key: String
        let data: String

        private enum CodingKeys: String, CodingKey {
            case sealed = "$sealed"
            case key, data
        }
    }

    /// The payload in an envelope that names the key.
    ///
    /// - Throws: nothing, in practice.
    public func encode(_ payload: JSONB, of subject: PayloadSubject) throws -> JSONB {
        guard isMeant(subject), let key = keys[current] else { return payload }
        let sealed = Self.seal(payload.bytes, key, about: Array(subject.text.utf8))
        return try JSONCoding.encode(
            Envelope(sealed: Self.marker, key: current, data: Data(sealed).base64EncodedString())
        )
    }

    /// What is in the envelope; what is in none is returned as it is.
    ///
    /// - Throws: ``JobsError`` (`undecodable`) when its key is not known here or its content was changed.
    public func decode(_ stored: JSONB, of subject: PayloadSubject) throws -> JSONB {
        guard stored.text.contains(Self.marker),
            let envelope = try? JSONCoding.decode(Envelope.self, from: stored, what: "envelope"),
            envelope.sealed == Self.marker
        else { return stored }
        guard let key = keys[envelope.key] else {
            throw JobsError(
                code: .undecodable,
                message:
                    "the \(subject) is encrypted under key \(envelope.key), which this process does not have"
            )
        }
        guard let data = Data(base64Encoded: envelope.data),
            let payload = Self.open(Array(data), key, about: Array(subject.text.utf8))
        else {
            throw JobsError(
                code: .undecodable,
                message:
                    "the \(subject) does not open with key \(envelope.key): it was changed, or is another's"
            )
        }
        return JSONB(bytes: payload)
    }

    // MARK: AES-256-GCM

    /// Nonce, ciphertext and tag.
    private static func seal(_ plain: [UInt8], _ key: [UInt8], about context: [UInt8]) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: nonceLength)
        let isRandom = unsafe RAND_bytes(&nonce, Int32(nonceLength)) == 1
        precondition(isRandom, "the system has no randomness to give")
        var output = [UInt8](repeating: 0, count: plain.count + tagLength)
        var (length, total) = (Int32(0), 0)
        let cipher = unsafe EVP_CIPHER_CTX_new()
        defer { unsafe EVP_CIPHER_CTX_free(cipher) }
        unsafe EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nil, key, nonce)
        unsafe EVP_EncryptUpdate(cipher, nil, &length, context, Int32(context.count))
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe EVP_EncryptUpdate(cipher, output.baseAddress, &length, plain, Int32(plain.count))
            total = Int(length)
            let rest = unsafe output.baseAddress.map { unsafe $0 + total }
            unsafe EVP_EncryptFinal_ex(cipher, rest, &length)
            unsafe EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, Int32(tagLength), rest)
        }
        return nonce + output
    }

    private static func open(_ sealed: [UInt8], _ key: [UInt8], about context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= nonceLength + tagLength else { return nil }
        let nonce = Array(sealed[..<nonceLength])
        let text = Array(sealed[nonceLength..<(sealed.count - tagLength)])
        var tag = Array(sealed[(sealed.count - tagLength)...])
        var output = [UInt8](repeating: 0, count: text.count + tagLength)
        var length: Int32 = 0
        let cipher = unsafe EVP_CIPHER_CTX_new()
        defer { unsafe EVP_CIPHER_CTX_free(cipher) }
        unsafe EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nil, key, nonce)
        unsafe EVP_DecryptUpdate(cipher, nil, &length, context, Int32(context.count))
        unsafe EVP_DecryptUpdate(cipher, &output, &length, text, Int32(text.count))
        unsafe EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, Int32(tagLength), &tag)
        var rest: Int32 = 0
        var end = [UInt8](repeating: 0, count: tagLength)
        guard unsafe EVP_DecryptFinal_ex(cipher, &end, &rest) == 1 else { return nil }
        return Array(output[..<Int(length)])
    }
}
