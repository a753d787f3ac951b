internal import CLinux
internal import Glibc
internal import Reactor

/// One socket of the client, on its loop's thread only.
final class ClientConnection: ReadinessHandler {
    enum State {
        case connecting(until: MonotonicTime)
        case idle(since: MonotonicTime)
        case busy
        case closed
    }

    // The client closes every connection, on this loop, before it lets go of the owner.
    private unowned let owner: ClientLoop
    private let loop: EventLoop
    private let limits: HTTPLimits
    private var descriptor: Int32
    private var registration: Registration?
    private var interest: Readiness = .write
    private var parser = ResponseParser()
    private var output = ByteBuffer()

    let address: SocketAddress
    private(set) var state: State
    /// Whose it is, where it is not pooled.
    var own: OwnConnection?
    var exchange: Exchange?

    /// Begins to connect.
    ///
    /// - Throws: ``HTTPClientError`` when it can't even begin.
    init(
        to address: SocketAddress,
        from source: SocketAddress?,
        owner: ClientLoop,
        loop: EventLoop,
        configuration: HTTPClient.Configuration
    ) throws(HTTPClientError) {
        self.owner = owner
        self.loop = loop
        self.address = address
        limits = configuration.limits
        state = .connecting(until: .now + configuration.connectTimeout)
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(USHER_SOCK_NONBLOCK) | Int32(USHER_SOCK_CLOEXEC)
        descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw Self.failure(address, errno) }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        if let source, source.family == address.family {
            // Lets the system choose the port with the connection, where many share it.
            unsafe setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, size)
            _ = unsafe source.withSystemAddress { unsafe bind(descriptor, $0, $1) }
        }
        let result = unsafe address.withSystemAddress { unsafe connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let code = errno
            Glibc.close(descriptor)
            throw Self.failure(address, code)
        }
        do {
            registration = try loop.register(descriptor, for: .write, handler: self)
        } catch {
            Glibc.close(descriptor)
            throw HTTPClientError(.unreachable, "\(address): \(error)")
        }
    }

    private static func failure(_ address: SocketAddress, _ code: Int32) -> HTTPClientError {
        HTTPClientError(.unreachable, "\(address): \(unsafe String(cString: strerror(code)))")
    }

    /// Sends a request; the connection must not be busy.
    func send(_ exchange: Exchange) {
        self.exchange = exchange
        exchange.connection = self
        output.append(exchange.bytes)
        if case .connecting = state { return }
        state = .busy
        flush()
    }

    func close() {
        if case .closed = state { return }
        state = .closed
        if let registration { loop.deregister(registration) }
        registration = nil
        Glibc.close(descriptor)
    }

    func ready(_ readiness: Readiness, token: UInt64) {
        switch state {
        case .connecting: connected()
        case .busy:
            if readiness.contains(.write) { flush() }
            if readiness.contains(.read) || readiness.contains(.failed) { receive() }
        case .idle: owner.lost(self, HTTPClientError(.connectionClosed, "\(address): closed by the server"))
        case .closed: break
        }
    }

    private func connected() {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        guard code == 0 else { return owner.lost(self, Self.failure(address, code)) }
        state = .busy
        flush()
    }

    private func flush() {
        while !output.isEmpty {
            let pending = output
            let sent = unsafe pending.bytes.withUnsafeBufferPointer { bytes in
                let rest = unsafe UnsafeBufferPointer(rebasing: bytes[pending.start...])
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                output.consume(sent)
            } else if errno == EAGAIN {
                return watch([.read, .write])
            } else if errno != EINTR {
                // An answer may have come before the other side stopped listening.
                output = ByteBuffer()
                return watch(.read)
            }
        }
        watch(.read)
    }

    private func receive() {
        let count = owner.scratch.receive(from: descriptor)
        if count > 0 {
            parser.append(owner.scratch.bytes[..<count])
            return parse()
        }
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
        if count == 0, let response = parser.finish() { return finish(response, keepAlive: false) }
        owner.lost(self, HTTPClientError(.connectionClosed, "\(address): the connection was closed"))
    }

    private func parse() {
        guard let exchange else { return }
        do {
            guard let (response, keepAlive) = try parser.next(answering: exchange.method, limits: limits)
            else {
                return
            }
            finish(response, keepAlive: keepAlive)
        } catch {
            owner.lost(self, HTTPClientError(.invalidResponse, "\(address): \(error)"))
        }
    }

    private func finish(_ response: HTTPResponse, keepAlive: Bool) {
        // An answer that came before the request was sent whole leaves nothing to go on with.
        if keepAlive && output.isEmpty { state = .idle(since: .now) } else { close() }
        owner.answered(self, response)
    }

    /// Whether it was made and then ended without a word, as a server ends one that was idle for too long.
    var endedSilently: Bool {
        if case .busy = state { parser.isIdle } else { false }
    }

    private func watch(_ wanted: Readiness) {
        guard wanted != interest, let registration else { return }
        interest = wanted
        try? loop.update(registration, for: wanted)
    }
}
