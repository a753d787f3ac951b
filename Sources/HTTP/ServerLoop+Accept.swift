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
        guard count.add(limit: configuration.maxConnections) else { return turnAway(descriptor) }
        var on: Int32 = 1
        unsafe setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
        let slot = freeSlots.popLast() ?? connections.count
        if slot == connections.count { connections.append(ServerConnection()) }
        guard
            let registration = try? loop.register(descriptor, for: .read, handler: self, token: UInt64(slot))
        else {
            freeSlots.append(slot)
            count.remove()
            Glibc.close(descriptor)
            return
        }
        open += 1
        connections[slot].descriptor = descriptor
        connections[slot].registration = registration
        connections[slot].remoteAddress = address
        connections[slot].deadline = .now + configuration.idleTimeout
        sweepLater()
    }

    private func turnAway(_ descriptor: Int32) {
        var bytes: [UInt8] = []
        ResponseEncoder.append(
            Problem.tooManyConnections.response,
            to: &bytes,
            date: currentDate(),
            withoutBody: false,
            close: true
        )
        unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        Glibc.close(descriptor)
    }
}
