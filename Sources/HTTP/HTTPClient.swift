internal import Glibc
public import Reactor

/// A plain HTTP/1.1 client on event loops, for callers that hold thousands of connections.
///
/// ```swift
/// let client = HTTPClient(loops: loops)
/// let response = try await client.send(HTTPRequest(.get, "/v1/on-sales"), to: endpoint)
/// ```
///
/// A caller that already runs on one of the loops stays on it. A request on a kept connection that the server had
/// closed in the meantime is sent again if it is idempotent, and fails with `.connectionClosed` otherwise.
public final class HTTPClient: Sendable {
    /// How many connections, and how long to wait.
    public struct Configuration: Sendable {
        /// Pooled connections per endpoint, shared out over the loops (at least one each); more requests wait.
        public var connectionsPerEndpoint: Int
        /// For a connection to be made.
        public var connectTimeout: Duration
        /// For a whole request, waiting for a connection included, where the request says nothing else.
        public var requestTimeout: Duration
        /// After which an unused pooled connection is closed.
        public var idleTimeout: Duration
        /// How large a response may be.
        public var limits: HTTPLimits
        /// Local addresses to connect from, in turn: one address has no more than about 28,000 ports.
        public var sourceAddresses: [String]

        /// Makes a configuration.
        public init(
            connectionsPerEndpoint: Int = 64,
            connectTimeout: Duration = .seconds(5),
            requestTimeout: Duration = .seconds(30),
            idleTimeout: Duration = .seconds(30),
            limits: HTTPLimits = HTTPLimits(headerBytes: 65_536, bodyBytes: 16_777_216),
            sourceAddresses: [String] = []
        ) {
            self.connectionsPerEndpoint = connectionsPerEndpoint
            self.connectTimeout = connectTimeout
            self.requestTimeout = requestTimeout
            self.idleTimeout = idleTimeout
            self.limits = limits
            self.sourceAddresses = sourceAddresses
        }
    }

    private let loops: [ClientLoop]
    private let group: EventLoopGroup
    private let configuration: Configuration
    private let addresses = Lock<[HTTPEndpoint: SocketAddress]>([:])

    /// Makes a client; nothing is connected yet.
    public init(loops: EventLoopGroup, configuration: Configuration = Configuration()) {
        group = loops
        self.configuration = configuration
        self.loops = loops.loops.map {
            ClientLoop(
                loop: $0,
                configuration: configuration,
                connectionsPerEndpoint: max(1, configuration.connectionsPerEndpoint / loops.loops.count)
            )
        }
    }

    /// Closes every connection: a loop keeps the sockets that it watches, but not what they belong to.
    deinit {
        for loop in loops { loop.loop.execute { loop.shutdown() } }
    }

    /// Sends a request over a pooled connection.
    ///
    /// - Parameters:
    ///   - request: its `Host`, length and connection fields are filled in.
    ///   - endpoint: where to.
    ///   - timeout: for the whole of it.
    /// - Returns: the response, whatever its status.
    /// - Throws: ``HTTPClientError``.
    public func send(
        _ request: HTTPRequest,
        to endpoint: HTTPEndpoint,
        timeout: Duration? = nil
    ) async throws -> HTTPResponse {
        try await perform(request, to: endpoint, timeout: timeout, on: currentLoop(), own: nil)
    }

    /// A connection that nobody else uses, made with the first request and made again when it was lost.
    public func connection(to endpoint: HTTPEndpoint) -> HTTPConnection {
        HTTPConnection(client: self, endpoint: endpoint, loop: currentLoop())
    }

    /// Closes every connection; requests in flight fail with `.shutDown`.
    public func shutdown() async {
        for loop in loops {
            await withCheckedContinuation { continuation in
                loop.loop.execute {
                    loop.shutdown()
                    continuation.resume()
                }
            }
        }
    }

    private func currentLoop() -> ClientLoop {
        if let current = loops.first(where: { $0.loop.isCurrent }) { return current }
        let next = group.next()
        return loops.first { $0.loop === next } ?? loops[0]
    }

    func perform(
        _ request: HTTPRequest,
        to endpoint: HTTPEndpoint,
        timeout: Duration?,
        on loop: ClientLoop,
        own: OwnConnection?
    ) async throws -> HTTPResponse {
        let exchange = Exchange(
            bytes: RequestEncoder.encode(request, host: endpoint.description),
            method: request.method,
            address: try await address(of: endpoint),
            deadline: .now + (timeout ?? configuration.requestTimeout),
            own: own
        )
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.loop.execute { loop.start(exchange, continuation) }
            }
        } onCancel: {
            loop.loop.execute { loop.fail(exchange, .init(.cancelled, "the request was cancelled")) }
        }
    }

    private func address(of endpoint: HTTPEndpoint) async throws -> SocketAddress {
        if let known = addresses.withLock({ $0[endpoint] }) { return known }
        let address: SocketAddress
        do {
            address = try await endpoint.resolve()
        } catch let error as ReactorError {
            throw HTTPClientError(.unresolved, "\(endpoint.host): \(error)")
        }
        addresses.withLock { $0[endpoint] = address }
        return address
    }
}

/// One connection of a ``HTTPClient`` that belongs to its holder.
///
/// Requests on it are sent one after the other.
public final class HTTPConnection: Sendable {
    private let client: HTTPClient
    private let endpoint: HTTPEndpoint
    private let loop: ClientLoop
    private let own = OwnConnection()

    init(client: HTTPClient, endpoint: HTTPEndpoint, loop: ClientLoop) {
        self.client = client
        self.endpoint = endpoint
        self.loop = loop
    }

    deinit {
        let (loop, own) = (loop, own)
        loop.loop.execute { loop.close(own) }
    }

    /// Sends a request over this connection.
    ///
    /// - Parameters:
    ///   - request: its `Host`, length and connection fields are filled in.
    ///   - timeout: for the whole of it.
    /// - Returns: the response, whatever its status.
    /// - Throws: ``HTTPClientError``.
    public func send(_ request: HTTPRequest, timeout: Duration? = nil) async throws -> HTTPResponse {
        try await client.perform(request, to: endpoint, timeout: timeout, on: loop, own: own)
    }

    /// Closes it; a request in flight fails with `.shutDown`.
    ///
    /// The next request connects again.
    public func close() {
        let (loop, own) = (loop, own)
        loop.loop.execute { loop.close(own) }
    }

    /// The loop that the connection lives on: a task that prefers it as executor has the shortest way.
    public var eventLoop: EventLoop { loop.loop }
}
