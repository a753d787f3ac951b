internal import Reactor

/// The connections of a client that live on one loop, and the requests that wait for one.
final class ClientLoop: @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.
    private static let sweepInterval = Duration.milliseconds(100)

    private struct Pool {
        var idle: [ClientConnection] = []
        var open = 0
        var waiting: [Exchange] = []
    }

    let loop: EventLoop
    var scratch = ReceiveBuffer()
    private let configuration: HTTPClient.Configuration
    private let connectionsPerEndpoint: Int
    private let sources: [SocketAddress]
    private var nextSource = 0
    private var pools: [SocketAddress: Pool] = [:]
    private var connections: [ObjectIdentifier: ClientConnection] = [:]
    private var exchanges: [ObjectIdentifier: Exchange] = [:]
    private var isSweeping = false

    init(loop: EventLoop, configuration: HTTPClient.Configuration, connectionsPerEndpoint: Int) {
        self.loop = loop
        self.configuration = configuration
        self.connectionsPerEndpoint = connectionsPerEndpoint
        sources = configuration.sourceAddresses.compactMap { SocketAddress(literal: $0, port: 0) }
    }

    // MARK: Requests

    func start(_ exchange: Exchange, _ continuation: CheckedContinuation<HTTPResponse, any Error>) {
        if let failure = exchange.earlyFailure { return continuation.resume(throwing: failure) }
        exchange.continuation = continuation
        exchanges[ObjectIdentifier(exchange)] = exchange
        sweepLater()
        route(exchange)
    }

    private func route(_ exchange: Exchange) {
        if let own = exchange.own {
            if own.current != nil {
                own.waiting.append(exchange)
            } else {
                own.current = exchange
                if let connection = own.connection {
                    connection.send(exchange)
                } else if let connection = connect(exchange) {
                    connection.own = own
                    own.connection = connection
                    connection.send(exchange)
                }
            }
        } else if let connection = pools[exchange.address, default: Pool()].idle.popLast() {
            connection.send(exchange)
        } else if pools[exchange.address, default: Pool()].open < connectionsPerEndpoint {
            pools[exchange.address, default: Pool()].open += 1
            if let connection = connect(exchange) {
                connection.send(exchange)
            } else {
                pools[exchange.address]?.open -= 1
            }
        } else {
            pools[exchange.address]?.waiting.append(exchange)
        }
    }

    /// Begins a connection for a request, which fails if that can't be done.
    private func connect(_ exchange: Exchange) -> ClientConnection? {
        var source: SocketAddress?
        if !sources.isEmpty {
            source = sources[nextSource % sources.count]
            nextSource += 1
        }
        do {
            let connection = try ClientConnection(
                to: exchange.address,
                from: source,
                owner: self,
                loop: loop,
                configuration: configuration
            )
            connections[ObjectIdentifier(connection)] = connection
            return connection
        } catch {
            fail(exchange, error)
            return nil
        }
    }

    /// Ends a request without a response, and the connection that it was on.
    func fail(_ exchange: Exchange, _ error: HTTPClientError) {
        guard let continuation = exchange.continuation else {
            exchange.earlyFailure = error
            return
        }
        exchange.continuation = nil
        exchanges[ObjectIdentifier(exchange)] = nil
        continuation.resume(throwing: error)
        if let connection = exchange.connection {
            exchange.connection = nil
            connection.exchange = nil
            drop(connection)
        } else if let own = exchange.own {
            own.waiting.removeAll { $0 === exchange }
            if own.current === exchange {
                own.current = nil
                sendNext(own)
            }
        } else {
            pools[exchange.address]?.waiting.removeAll { $0 === exchange }
        }
    }

    // MARK: What connections report

    /// A response is complete; the connection is idle or closed.
    func answered(_ connection: ClientConnection, _ response: HTTPResponse) {
        guard let exchange = connection.exchange else { return }
        connection.exchange = nil
        exchange.connection = nil
        exchanges[ObjectIdentifier(exchange)] = nil
        exchange.continuation?.resume(returning: response)
        exchange.continuation = nil
        if case .closed = connection.state {
            drop(connection)
        } else if let own = connection.own {
            own.current = nil
            sendNext(own)
        } else if pools[connection.address]?.waiting.isEmpty == false,
            let waiting = pools[connection.address]?.waiting.removeFirst()
        {
            connection.send(waiting)
        } else {
            pools[connection.address]?.idle.append(connection)
        }
    }

    /// A connection came to nothing, with or without a request on it.
    func lost(_ connection: ClientConnection, _ error: HTTPClientError) {
        guard let exchange = connection.exchange else { return drop(connection) }
        guard connection.endedSilently && exchange.method.isIdempotent && exchange.retries < 2 else {
            return fail(exchange, error)
        }
        exchange.retries += 1
        exchange.connection = nil
        connection.exchange = nil
        // The request goes first, before what waited behind it.
        if let own = connection.own {
            own.waiting.insert(exchange, at: 0)
        } else {
            pools[connection.address]?.waiting.insert(exchange, at: 0)
        }
        drop(connection)
    }

    /// Closes a connection and gives its place to the next request that waits.
    private func drop(_ connection: ClientConnection) {
        connection.close()
        connections[ObjectIdentifier(connection)] = nil
        if let own = connection.own {
            connection.own = nil
            own.connection = nil
            own.current = nil
            sendNext(own)
            return
        }
        let address = connection.address
        pools[address]?.open -= 1
        pools[address]?.idle.removeAll { $0 === connection }
        if pools[address]?.waiting.isEmpty == false, let next = pools[address]?.waiting.removeFirst() {
            route(next)
        }
    }

    private func sendNext(_ own: OwnConnection) {
        guard own.current == nil, !own.waiting.isEmpty else { return }
        route(own.waiting.removeFirst())
    }

    func close(_ own: OwnConnection) {
        for exchange in own.waiting { fail(exchange, .init(.shutDown, "the connection was closed")) }
        if let current = own.current { fail(current, .init(.shutDown, "the connection was closed")) }
        if let connection = own.connection { drop(connection) }
    }

    func shutdown() {
        for exchange in exchanges.values { fail(exchange, .init(.shutDown, "the client was shut down")) }
        for connection in connections.values { drop(connection) }
    }

    // MARK: Time

    private func sweepLater() {
        guard !isSweeping else { return }
        isSweeping = true
        _ = loop.schedule(after: Self.sweepInterval) { [weak self] in self?.sweep() }
    }

    private func sweep() {
        isSweeping = false
        let now = MonotonicTime.now
        for exchange in exchanges.values where exchange.deadline <= now {
            fail(exchange, HTTPClientError(.timedOut, "\(exchange.address): no response in time"))
        }
        for connection in connections.values {
            switch connection.state {
            case .connecting(let until) where until <= now:
                lost(
                    connection,
                    HTTPClientError(.unreachable, "\(connection.address): no connection in time")
                )
            case .idle(let since) where connection.own == nil && since + configuration.idleTimeout <= now:
                drop(connection)
            default: break
            }
        }
        if !exchanges.isEmpty || connections.values.contains(where: { $0.own == nil }) { sweepLater() }
    }
}
