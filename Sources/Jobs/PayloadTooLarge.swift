/// Something a job's or a run's code said is larger than its process keeps.
///
/// Trying again can't help, so a job or run that ends with it is not tried again. Its code may catch it.
public struct PayloadTooLarge: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is too large.
    public let subject: PayloadSubject
    /// How large it is, as JSON.
    public let bytes: Int
    /// How large it may be.
    public let limit: Int

    /// Names what is too large, by how much, and what to do.
    public var description: String {
        """
        \(subject) has \(bytes) bytes, and the limit is \(limit): keep what is large elsewhere and pass on where it is, \
        or raise the limit
        """
    }
}
