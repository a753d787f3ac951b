internal import CLinux
internal import Glibc
internal import Reactor

/// Bytes to and from the other end, through TLS where it is spoken.
extension ServerLoop {
    /// Like `send`: how many bytes were taken, -1 with `errno` set.
    func put(_ bytes: ArraySlice<UInt8>, _ slot: Int) -> Int {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            if let tls = connections[slot].tls { return unsafe tls.send(bytes) }
            return unsafe send(
                connections[slot].descriptor,
                bytes.baseAddress,
                bytes.count,
                Int32(MSG_NOSIGNAL)
            )
        }
    }

    /// Says that nothing more is sent.
    func endOutput(_ slot: Int) {
        connections[slot].tls?.sayGoodbye()
        shutdown(connections[slot].descriptor, Int32(SHUT_WR))
    }

    // MARK: Before the first request

    /// Hears whom a balancer asks for, and begins TLS.
    ///
    /// Returns whether requests can be read now.
    func greet(_ slot: Int) -> Bool {
        if connections[slot].proxyHeader != nil && !hearProxy(slot) { return false }
        guard let certificate = configuration.certificate else { return begin(slot) }
        if connections[slot].tls == nil {
            guard let first = peek(1, slot) else { return false }
            guard first.first == TLSSession.handshakeRecord else {
                enter(.handling, slot)
                refuse(.tlsRequired, slot)
                serve(slot)
                return false
            }
            connections[slot].tls = certificate.context.session(on: connections[slot].descriptor)
        }
        switch connections[slot].tls?.handshake() {
        case .done: return begin(slot)
        case .wantsRead: expect(.read, slot)
        case .wantsWrite: expect(.write, slot)
        case .failed, nil: close(slot)
        }
        return false
    }

    private func begin(_ slot: Int) -> Bool {
        expect(.read, slot)
        enter(.idle, slot)
        return true
    }

    private func hearProxy(_ slot: Int) -> Bool {
        while var header = connections[slot].proxyHeader, !header.isComplete {
            guard let waiting = peek(512, slot) else { return false }
            let share = header.share(of: waiting[...])
            // Now taken for good: what comes behind is the client's.
            _ = scratch.receive(share, from: connections[slot].descriptor)
            do {
                try header.append(waiting[..<share])
            } catch {
                close(slot)
                return false
            }
            connections[slot].proxyHeader = header
        }
        if let source = connections[slot].proxyHeader?.source {
            connections[slot].remoteAddress = source
            connections[slot].isTrusted = configuration.trustedProxies.contains(source)
        }
        connections[slot].proxyHeader = nil
        guard shared.add(&connections[slot]) else {
            enter(.handling, slot)
            if configuration.certificate == nil {
                refuse(.tooManyConnectionsOfClient, slot)
                serve(slot)
            } else {
                close(slot)
            }
            return false
        }
        return true
    }

    /// What lies at the front of the input, which stays there; nil when there is nothing, or the connection is gone.
    private func peek(_ limit: Int, _ slot: Int) -> [UInt8]? {
        let count = scratch.receive(limit, from: connections[slot].descriptor, flags: Int32(MSG_PEEK))
        if count > 0 { return Array(scratch.bytes[..<count]) }
        if count == 0 || (errno != EAGAIN && errno != EINTR) { close(slot) }
        return nil
    }
}
