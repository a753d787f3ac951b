internal import Reactor

/// One request of the client on its way to its response.
final class Exchange: @unchecked Sendable {
    // Sendable: the lets are set before it is handed to its loop; the rest is touched on that loop only.
    let bytes: [UInt8]
    let method: HTTPMethod
    let address: SocketAddress
    let deadline: MonotonicTime
    let own: OwnConnection?

    var continuation: CheckedContinuation<HTTPResponse, any Error>?
    /// Set by a failure that came before the start, such as a task cancelled beforehand.
    var earlyFailure: HTTPClientError?
    var connection: ClientConnection?
    var retries = 0

    init(
        bytes: [UInt8],
        method: HTTPMethod,
        address: SocketAddress,
        deadline: MonotonicTime,
        own: OwnConnection?
    ) {
        self.bytes = bytes
        self.method = method
        self.address = address
        self.deadline = deadline
        self.own = own
    }
}

/// What a loop keeps for the holder of a connection of its own.
final class OwnConnection: @unchecked Sendable {
    // Sendable: touched on its loop's thread only.
    var connection: ClientConnection?
    var current: Exchange?
    var waiting: [Exchange] = []
}
