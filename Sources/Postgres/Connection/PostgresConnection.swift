internal import Reactor
internal import Synchronization

/// One connection to the server, pinned to one event loop.
///
/// It does one thing at a time; whoever leases it from the pool has it alone. libpq is only touched on the loop,
/// and never made to block.
actor PostgresConnection {
    /// What the continuation in ``wait(for:)`` waits for.
    enum Awaited {
        /// Anything on the socket, untouched: libpq is still connecting.
        case handshake
        /// A result that can be had without blocking.
        case result
        /// Room to write, or input.
        case room
        /// Input.
        case input
        /// A notification.
        case notification
    }

    nonisolated let loop: EventLoop
    nonisolated let configuration: PostgresConfiguration
    /// Told once, on the loop, when the connection is lost or closed.
    private let onClose: @Sendable () -> Void

    var libpq: LibPQ?
    /// Why there is no connection any more.
    private(set) var failure: PostgresError?
    private var registration: Registration?
    private var interest: Readiness = []
    private(set) var awaited: Awaited?
    private var waiter: CheckedContinuation<Void, Never>?

    /// The round trip under way; other operations wait with ``wait(for:)``.
    var roundTrip: RoundTrip?
    /// Whether an operation is under way; a second one would be a misuse.
    var isBusy = false
    /// Grows with each operation, so that a late cancellation hits no other.
    var operation: UInt64 = 0
    var cancellation = Cancellation.none
    var cancellationWaiter: CheckedContinuation<Void, Never>?
    var isInPipelineMode = false
    var statements: StatementCache
    /// What has to come with each transaction, behind a pooler.
    let localSettings: LocalSettings
    /// What begins the transaction, sent together with its first statement.
    ///
    /// Whoever leases the connection sets it.
    private nonisolated let deferredBegin = Lock<[Query]>([])
    var notifications: [PostgresNotification] = []

    private nonisolated let publicState = Atomic<UInt8>(State.unusable.rawValue)

    /// What the pool may know without asking the actor.
    enum State: UInt8 {
        case idle
        case inTransaction
        case unusable
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Whether the connection can be given to somebody else.
    nonisolated var state: State {
        State(rawValue: publicState.load(ordering: .acquiring)) ?? .unusable
    }

    init(configuration: PostgresConfiguration, loop: EventLoop, onClose: @escaping @Sendable () -> Void = {})
    {
        self.configuration = configuration
        self.loop = loop
        self.onClose = onClose
        statements = StatementCache(limit: configuration.statementCacheLimit)
        localSettings = LocalSettings(configuration)
    }

    /// Begins a transaction with the next statement.
    nonisolated func begin(with queries: [Query]) {
        deferredBegin.withLock { $0 = queries }
    }

    /// Whether the next statement begins a transaction.
    nonisolated var isBeginning: Bool {
        deferredBegin.withLock { !$0.isEmpty }
    }

    /// Gives up a transaction that has not really begun.
    ///
    /// - Returns: whether there was one.
    nonisolated func forgetBegin() -> Bool {
        !takeBegin().isEmpty
    }

    nonisolated func takeBegin() -> [Query] {
        deferredBegin.withLock { queries in
            defer { queries = [] }
            return queries
        }
    }

    /// The server's process for this connection.
    func backend() throws -> Int32 {
        try live().backend
    }

    // MARK: Waiting

    /// Suspends until the socket brings what is awaited, or the connection is lost.
    func wait(for awaited: Awaited) async throws {
        try await suspend(for: awaited, watching: awaited == .room ? [.read, .write] : .read)
        _ = try live()
    }

    /// Suspends until ``resume()``.
    ///
    /// The socket is watched in the same breath as the wait begins: the runtime may let other work of the loop run
    /// at any `await`, and an event that nobody waits for stops the watch.
    func suspend(for awaited: Awaited, watching interest: Readiness) async throws {
        var complaint: (any Error)?
        await withCheckedContinuation { continuation in
            do {
                if awaited == .notification && Task.isCancelled {
                    throw PostgresError(.cancelled, "the task was cancelled while it listened")
                }
                // The loop may have heard one since the caller looked, and will not be told of it again.
                if awaited == .notification && !notifications.isEmpty { return continuation.resume() }
                try watch(interest)
                self.awaited = awaited
                waiter = continuation
            } catch {
                complaint = error
                continuation.resume()
            }
        }
        if let complaint { throw complaint }
    }

    func resume() {
        awaited = nil
        waiter.take()?.resume()
    }

    /// The connection, or why there is none.
    func live() throws -> LibPQ {
        guard let libpq else { throw failure ?? PostgresError(.connection, "the connection is closed") }
        return libpq
    }

    /// Called on the loop when the socket is ready.
    func ready(_ readiness: Readiness) {
        guard let libpq else { return }
        if awaited == .handshake { return resume() }
        if awaited == nil && isBusy && (roundTrip == nil || roundTrip?.outcome != nil) {
            // Nobody wants it yet (COPY out, whose reader is slow): leave it in the socket.
            try? watch([])
            return
        }
        if readiness != .write {
            let isAlive = libpq.consumeInput()
            while let notification = libpq.nextNotification() { notifications.append(notification) }
            guard isAlive else {
                // The server's last words may still have come.
                let message = libpq.message
                if let roundTrip { advance(roundTrip) }
                return lose(message)
            }
        }
        if let roundTrip { return advance(roundTrip) }
        switch awaited {
        case .result: if !libpq.isBusy { resume() }
        case .notification: if !notifications.isEmpty { resume() }
        case .room, .input: resume()
        case .handshake, nil: break
        }
    }

    // MARK: The socket

    func watch(_ wanted: Readiness) throws {
        guard let registration else {
            let handler = SocketHandler(connection: self)
            registration = try loop.register(live().socket, for: wanted, handler: handler)
            interest = wanted
            return
        }
        guard wanted != interest else { return }
        try loop.update(registration, for: wanted)
        interest = wanted
    }

    func unwatch() {
        if let registration { loop.deregister(registration) }
        registration = nil
    }

    /// Whether there is something left to send.
    var isWriting: Bool { interest.contains(.write) }

    // MARK: The end

    /// Ends the connection because of what libpq says.
    func lost() -> PostgresError {
        lose(libpq?.message ?? "the connection was lost")
        return failure ?? PostgresError(.connection, "the connection was lost")
    }

    /// Ends the connection because of `error`, and returns it to be thrown.
    func abort(_ error: PostgresError) -> PostgresError {
        shut(because: error)
        return error
    }

    func lose(_ message: String) {
        shut(because: PostgresError(.connection, message.isEmpty ? "the connection was lost" : message))
    }

    func shut(because error: PostgresError) {
        guard failure == nil else { return }
        failure = error
        publicState.store(State.unusable.rawValue, ordering: .releasing)
        unwatch()
        libpq = nil
        if let roundTrip { finish(roundTrip, .failure(roundTrip.about(error))) }
        resume()
        onClose()
    }

    /// Closes the connection, from anywhere, without waiting for it.
    nonisolated func close() {
        publicState.store(State.unusable.rawValue, ordering: .releasing)
        loop.execute {
            self.assumeIsolated { $0.shut(because: PostgresError(.connection, "the connection is closed")) }
        }
    }

    /// Ends an operation: hears the socket again, for notifications and for the server's good-bye, and tells the
    /// pool how things stand.
    func publish() {
        try? watch(.read)
        guard let libpq, !libpq.isBad else {
            return publicState.store(State.unusable.rawValue, ordering: .releasing)
        }
        let isIdle = libpq.transactionStatus == .idle
        publicState.store((isIdle ? State.idle : .inTransaction).rawValue, ordering: .releasing)
    }
}

/// Hears the socket for a connection, which the loop must not keep alive.
private final class SocketHandler: ReadinessHandler {
    private weak let connection: PostgresConnection?

    init(connection: PostgresConnection) {
        self.connection = connection
    }

    func ready(_ readiness: Readiness, token: UInt64) {
        connection?.assumeIsolated { $0.ready(readiness) }
    }
}
