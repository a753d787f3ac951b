internal import Glibc
public import Reactor

/// An HTTP/1.1 server on event loops: one listener per loop, and no task, thread or object per connection.
///
/// ```swift
/// let server = HTTPServer(loops: loops) { request in
///     request.path == "/healthz" ? .now(.text("ok")) : .now(.problem(.notFound))
/// }
/// let port = try await server.start(address: "127.0.0.1", port: 8080)
/// ```
///
/// One request of a connection is in flight at a time, so that answers come in the order of the requests.
public final class HTTPServer: Sendable {
    private let loops: [ServerLoop]
    private let sharesPort: Bool

    /// Prepares a server; nothing listens yet.
    ///
    /// - Parameters:
    ///   - loops: each accepts its share of the connections.
    ///   - configuration: limits and timeouts.
    ///   - handler: is called on the connection's loop and must not block it.
    public init(
        loops: EventLoopGroup,
        configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        handler: @escaping @Sendable (HTTPRequest) -> Reply
    ) {
        let shared = ServerShare(configuration)
        self.loops = loops.loops.enumerated().map { index, loop in
            ServerLoop(
                loop: loop,
                index: index,
                configuration: configuration,
                shared: shared,
                handler: handler
            )
        }
        sharesPort = configuration.sharesPort
    }

    /// Listens.
    ///
    /// - Parameters:
    ///   - address: an address literal or `localhost`.
    ///   - port: 0 lets the system choose.
    /// - Returns: the port.
    /// - Throws: ``HTTPServerError`` for a bad address or a port that can't be had.
    @discardableResult
    public func start(address: String, port: Int) async throws -> Int {
        guard let number = UInt16(exactly: port), var bound = SocketAddress(literal: address, port: number)
        else {
            throw HTTPServerError(
                description: "cannot listen on \(address):\(port): not an IP address and port"
            )
        }
        var reserved: Int32?
        if port == 0 || !sharesPort { (reserved, bound.port) = try Listener.reserve(bound) }
        defer { if let reserved { close(reserved) } }
        let resolved = bound
        for loop in loops {
            try await withCheckedThrowingContinuation { continuation in
                loop.loop.execute { continuation.resume(with: Result { try loop.listen(on: resolved) }) }
            }
        }
        return Int(resolved.port)
    }

    /// Open connections, roughly at this moment.
    public var connections: Int { loops[0].shared.current }

    /// How many loops have connections.
    public var loopCount: Int { loops.count }

    /// Runs `body` on each loop, with what can be done with the channels there.
    public func onEachLoop(_ body: @escaping @Sendable (ChannelLoop) -> Void) {
        for loop in loops { loop.loop.execute { body(ChannelLoop(loop: loop)) } }
    }

    /// Stops accepting, answers what is in flight with `Connection: close`, and closes what is idle.
    ///
    /// - Parameter deadline: after this what is still open is cut off.
    public func drain(deadline: Duration = .seconds(20)) async {
        await withTaskGroup { group in
            for loop in loops {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        loop.loop.execute { loop.drain(deadline: deadline, whenEmpty: continuation) }
                    }
                }
            }
        }
    }
}
