/// What scheduling publishes of the draw's secret, so that nobody can swap the secret afterwards.
package enum Commitment {
    /// How many bytes a draw secret has.
    package static let secretLength = 32

    /// SHA-256 of `usher.commit.v1` and the secret.
    package static func to(_ secret: [UInt8]) -> [UInt8] {
        Digest.sha256(Array("usher.commit.v1".utf8) + secret)
    }
}
