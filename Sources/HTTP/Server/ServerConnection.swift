internal import Reactor

/// What a loop keeps of one connection.
///
/// An idle one owns no memory beside this.
struct ServerConnection: Sendable {
    /// What the connection waits for, which decides how long it may.
    enum Stage: UInt8 {
        /// Not a byte of HTTP yet: a balancer says whom it asks for, or TLS begins.
        case greeting
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
    /// Where on the wheel it is looked at next, -1 for nowhere; it outlives the connection, as the wheel's entry does.
    var wheelSpan = -1
    /// Who is at the other end, or whom a balancer asks for.
    var remoteAddress: SocketAddress?
    /// Whether it counts among the connections of its client.
    var isCounted = false
    /// Whether the peer is a proxy whose word about its clients counts.
    var isTrusted = false
    /// What a balancer says first; nil when it has said it, or nothing is expected.
    var proxyHeader: ProxyHeader?
    var tls: TLSSession?
    /// Bytes of it that are counted as waiting.
    var countedBytes = 0
    /// The body of the request that is being answered by a task.
    var bytesInHand = 0
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
