internal import CLinux
internal import Glibc
public import Reactor

/// The WebSockets that a client holds on one loop: a table of small values, and no task or object per socket.
///
/// ```swift
/// loop.execute {
///     let client = WebSocketClient(loop: loop, listener: listener)
///     _ = try? client.open("/v1/on-sales/os_7/live", at: address, subject: 7)
/// }
/// ```
///
/// All calls are made on the loop's thread. On a loop that has a descriptor table of its own it opens as many sockets
/// as one table holds, whatever the rest of the process has open. Source: RFC 6455.
public final class WebSocketClient: ReadinessHandler, @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.

    /// How long to wait, and how much to take.
    public struct Configuration: Sendable {
        /// From the start of a connection to the end of the handshake.
        public var handshakeTimeout: Duration
        /// An open socket that nothing is heard of for so long is taken to be gone; servers ping more often.
        public var silence: Duration
        /// The longest message that is taken, in bytes.
        public var messageLimit: Int
        /// Local addresses to connect from, in turn: one has no more than about 28,000 ports.
        public var sources: [SocketAddress]

        /// Makes a configuration.
        public init(
            handshakeTimeout: Duration = .seconds(10),
            silence: Duration = .seconds(90),
            messageLimit: Int = 65_536,
            sources: [SocketAddress] = []
        ) {
            self.handshakeTimeout = handshakeTimeout
            self.silence = silence
            self.messageLimit = messageLimit
            self.sources = sources
        }
    }

    /// How often timeouts are looked at.
    private static let sweepInterval = Duration.seconds(1)
    /// How long the answer to our goodbye is waited for.
    private static let goodbye = Duration.seconds(2)

    /// The loop that the sockets live on.
    public let loop: EventLoop
    let configuration: Configuration
    let listener: any WebSocketListener
    var slots: [WebSocketClientSlot] = []
    var scratch = ReceiveBuffer()
    private var freeSlots: [Int] = []
    private var nextSource = 0
    private var isSweeping = false

    /// How many sockets are there, open or on the way.
    public private(set) var count = 0

    /// Makes a client without a socket.
    public init(
        loop: EventLoop,
        configuration: Configuration = Configuration(),
        listener: any WebSocketListener
    ) {
        self.loop = loop
        self.configuration = configuration
        self.listener = listener
    }

    // MARK: Opening

    /// Begins a socket; the listener hears what becomes of it, always later than this returns.
    ///
    /// - Parameters:
    ///   - target: path and query, percent-encoded.
    ///   - address: where to connect.
    ///   - subject: what it is about, in the listener's own numbers.
    ///   - headers: sent with the handshake.
    /// - Returns: what to speak on once it is open.
    /// - Throws: ``HTTPClientError`` `.unreachable` when it can't even begin, as without a free descriptor.
    @discardableResult
    public func open(
        _ target: String,
        at address: SocketAddress,
        subject: Int64,
        headers: HTTPHeaders = [:]
    ) throws(HTTPClientError) -> ClientSocket {
        let descriptor = try connect(to: address)
        let index = freeSlots.popLast() ?? slots.count
        if index == slots.count { slots.append(WebSocketClientSlot()) }
        let registration: Registration
        do {
            registration = try loop.register(descriptor, for: .write, handler: self, token: UInt64(index))
        } catch {
            freeSlots.append(index)
            Glibc.close(descriptor)
            throw HTTPClientError(.unreachable, "\(address): \(error)")
        }
        slots[index].descriptor = descriptor
        slots[index].registration = registration
        slots[index].interest = .write
        slots[index].subject = subject
        slots[index].stage = .connecting
        slots[index].deadline = .now + configuration.handshakeTimeout
        slots[index].key = (.random(in: .min ... .max), .random(in: .min ... .max))
        slots[index].output.append(
            WebSocketHandshake.request(
                target,
                host: "\(address)",
                key: slots[index].keyText,
                headers: headers
            )
        )
        count += 1
        sweepLater()
        return socket(index)
    }

    private func connect(to address: SocketAddress) throws(HTTPClientError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(USHER_SOCK_NONBLOCK) | Int32(USHER_SOCK_CLOEXEC)
        let descriptor = Glibc.socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw Self.failure(address, errno) }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        if !configuration.sources.isEmpty {
            let source = configuration.sources[nextSource % configuration.sources.count]
            nextSource += 1
            // Lets the system choose the port with the connection, where many share it.
            unsafe setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, size)
            if source.family == address.family {
                _ = unsafe source.withSystemAddress { unsafe bind(descriptor, $0, $1) }
            }
        }
        let result = unsafe address.withSystemAddress { unsafe Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let code = errno
            Glibc.close(descriptor)
            throw Self.failure(address, code)
        }
        return descriptor
    }

    private static func failure(_ address: SocketAddress, _ code: Int32) -> HTTPClientError {
        HTTPClientError(.unreachable, "\(address): \(unsafe String(cString: strerror(code)))")
    }

    // MARK: Speaking

    /// Sends a text; nothing when the socket is not open.
    public func send(_ text: [UInt8], on socket: ClientSocket) {
        guard let index = index(of: socket), slots[index].stage == .open else { return }
        write(WebSocketEncoder.frame(.text, text, mask: Self.mask()), index)
    }

    /// Says goodbye; the listener hears of the end.
    public func close(_ socket: ClientSocket, code: UInt16 = 1000) {
        guard let index = index(of: socket) else { return }
        guard slots[index].stage == .open else {
            if slots[index].stage != .closing { end(index, .closed(code: nil)) }
            return
        }
        slots[index].stage = .closing
        slots[index].deadline = .now + Self.goodbye
        write(Self.goodbye(code), index)
    }

    /// Drops every socket without a word.
    public func shutdown() {
        for index in slots.indices where slots[index].stage != .free { end(index, .shutDown) }
    }

    static func mask() -> [UInt8] {
        let number = UInt32.random(in: .min ... .max)
        return (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    static func goodbye(_ code: UInt16?) -> [UInt8] {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []
        return WebSocketEncoder.frame(.close, payload, mask: mask())
    }

    // MARK: Slots

    func socket(_ index: Int) -> ClientSocket {
        ClientSocket(
            subject: slots[index].subject,
            slot: UInt32(index),
            generation: slots[index].generation
        )
    }

    private func index(of socket: ClientSocket) -> Int? {
        let index = Int(socket.slot)
        guard slots.indices.contains(index), slots[index].generation == socket.generation,
            slots[index].stage != .free
        else { return nil }
        return index
    }

    /// Frees the slot and tells the listener.
    func end(_ index: Int, _ ending: WebSocketEnding) {
        guard slots[index].stage != .free else { return }
        let gone = socket(index)
        if let registration = slots[index].registration { loop.deregister(registration) }
        Glibc.close(slots[index].descriptor)
        slots[index] = WebSocketClientSlot()
        slots[index].generation = gone.generation &+ 1
        freeSlots.append(index)
        count -= 1
        listener.ended(gone, ending, client: self)
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
        for index in slots.indices where slots[index].deadline <= now {
            switch slots[index].stage {
            case .free: break
            case .connecting, .shaking: end(index, .lost("no handshake in time"))
            case .open: end(index, .silent)
            case .closing: end(index, .closed(code: nil))
            }
        }
        if count > 0 { sweepLater() }
    }
}
