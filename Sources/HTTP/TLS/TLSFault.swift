/// Why a certificate can't be used.
public struct TLSFault: Error, Sendable, CustomStringConvertible {
    /// One line for a person, which names the file.
    public let description: String
}
