internal import CLinux
internal import Glibc
internal import Reactor

/// New connections.
extension ServerLoop {
    func listen(on address: SocketAddress) throws {
        let descriptor = try Listener.open(address)
        do {
            let registration = try loop.register(
                descriptor,
                for: .read,
                handler: self,
                token: Self.listenerToken
            )
            listener = (descriptor, registration)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    func accept() {
        guard let listener else { return }
        // Bounded, so that a rush of new clients does not starve the ones that are here.
        for _ in 0..<256 {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe accept4(
                        listener.descriptor,
                        $0,
                        &length,
                        Int32(USHER_SOCK_NONBLOCK) | Int32(USHER_SOCK_CLOEXEC)
                    )
                }
            }
            if descriptor >= 0 {
                admit(descriptor, from: SocketAddress(storage))
                continue
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return pauseAccepting()
            default: return
            }
        }
    }

    /// Out of descriptors: the listener would stay ready and spin the loop.
    private func pauseAccepting() {
        guard let listener else { return }
        try? loop.update(listener.registration, for: [])
        _ = loop.schedule(after: .milliseconds(100)) { [weak self] in
            guard let self, let listener = self.listener else { return }
            try? loop.update(listener.registration, for: .read)
        }
    }

    private func admit(_ descriptor: Int32, from address: SocketAddress) {
        guard shared.addConnection() else { return turnAway(descriptor, .tooManyConnections) }
        guard open < configuration.maxConnectionsPerLoop else {
            shared.removeConnection()
            return turnAway(descriptor, .tooManyConnections)
        }
        let isTrusted = configuration.trustedProxies.contains(address)
        // What a stranger says of whom he asks for is worth nothing, and without it nothing is served here.
        guard isTrusted || !configuration.expectsProxyHeader else {
            shared.removeConnection()
            Glibc.close(descriptor)
            return
        }
        var on: Int32 = 1
        unsafe setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
        var connection = ServerConnection()
        connection.remoteAddress = address
        connection.isTrusted = isTrusted
        if configuration.expectsProxyHeader {
            connection.proxyHeader = ProxyHeader()
        } else if !shared.add(&connection) {
            shared.removeConnection()
            return turnAway(descriptor, .tooManyConnectionsOfClient)
        }
        take(descriptor, connection)
    }

    /// Gives a connection a slot.
    private func take(_ descriptor: Int32, _ new: ServerConnection) {
        var connection = new
        let slot = freeSlots.popLast() ?? connections.count
        if slot == connections.count { connections.append(ServerConnection()) }
        guard
            let registration = try? loop.register(descriptor, for: .read, handler: self, token: UInt64(slot))
        else {
            freeSlots.append(slot)
            shared.remove(connection)
            Glibc.close(descriptor)
            return
        }
        open += 1
        connection.descriptor = descriptor
        connection.registration = registration
        connection.generation = connections[slot].generation
        connection.wheelSpan = connections[slot].wheelSpan
        connections[slot] = connection
        let isGreeting = connection.proxyHeader != nil || configuration.certificate != nil
        enter(isGreeting ? .greeting : .idle, slot)
    }

    /// Says why, where it can be said before TLS, and hangs up.
    private func turnAway(_ descriptor: Int32, _ problem: Problem) {
        defer { Glibc.close(descriptor) }
        guard configuration.certificate == nil else { return }
        var bytes: [UInt8] = []
        ResponseEncoder.append(
            problem.response,
            to: &bytes,
            date: currentDate(),
            withoutBody: false,
            close: true
        )
        unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
