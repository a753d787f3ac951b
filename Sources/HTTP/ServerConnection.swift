internal import Reactor

/// What a loop keeps of one connection.
///
/// An idle one owns no memory beside this.
struct ServerConnection: Sendable {
    /// What the connection waits for, which decides how long it may.
    enum Stage: UInt8 {
        /// Nothing of a request has come.
        case idle
        case header
        case body
        /// A request is being answered.
        case handling
        /// Bytes wait for the client to take them.
        case writing
        /// It is a channel, on which either side may speak.
        case open
        /// All is said; what the client still sends is dropped until it hangs up.
        case lingering
    }

    var descriptor: Int32 = -1
    /// Grows when the slot is freed, so that a late answer finds out that its connection is gone.
    var generation: UInt32 = 0
    var registration: Registration?
    var interest: Readiness = .read
    var stage = Stage.idle
    var deadline = MonotonicTime(nanoseconds: .max)
    var remoteAddress: SocketAddress?
    var parser = RequestParser()
    var output = ByteBuffer()
    /// A request is being answered by a task.
    var isHandling = false
    /// No further request is answered.
    var isClosing = false
    /// Unread bytes are expected: closing at once would take the answer away with them.
    var mustLinger = false
    /// What it is as a channel; nil for one that asks and is answered.
    var channel: ChannelState?
    /// The client sends no more.
    var inputEnded = false
}
