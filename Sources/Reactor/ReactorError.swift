internal import Glibc

/// A system call of the reactor that failed.
public struct ReactorError: Error, Sendable, CustomStringConvertible {
    /// The call, such as `epoll_ctl`.
    public let call: String
    /// The system's error number.
    public let errno: Int32

    /// Makes an error for a call and an error number.
    public init(call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    /// The call and the system's words for the error.
    public var description: String {
        "\(call): \(unsafe String(cString: strerror(errno)))"
    }
}
