internal import Reactor

/// What has to be known of a request when its answer is written.
struct Asked: Sendable {
    /// Nil for a request that could not be read.
    var method: HTTPMethod?
    var client: SocketAddress?
    /// What its answer is called in logs.
    var id: String
    /// When its last byte was there.
    var began: MonotonicTime
    /// Whether more requests may follow on the connection.
    var keepAlive: Bool

    /// An answer to HEAD tells of the body, which is left out.
    var isWithoutBody: Bool { method == .head }

    /// The same, with nothing to follow it.
    var last: Self {
        var copy = self
        copy.keepAlive = false
        return copy
    }
}
