/// Why a request got no response.
public struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: Sendable, Hashable {
        /// The host's name has no address.
        case unresolved
        /// No connection could be made; the request was not sent.
        case unreachable
        /// The connection ended before the response did. The request may have been done.
        case connectionClosed
        /// The response did not come in time. The request may have been done.
        case timedOut
        /// What came is not HTTP, or larger than allowed.
        case invalidResponse
        /// The task that sent the request was cancelled.
        case cancelled
        /// The client or the connection was shut down.
        case shutDown
    }

    /// What went wrong.
    public let code: Code
    /// What went wrong, in words.
    public let message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The words.
    public var description: String { message }
}
