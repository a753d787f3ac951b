internal import CLinux
internal import Glibc
public import Reactor

/// What comes from the servers, and what waits for them.
extension WebSocketClient {
    /// Hears of a socket; for the loop.
    public func ready(_ readiness: Readiness, token: UInt64) {
        let index = Int(token)
        let generation = slots[index].generation
        if slots[index].stage == .connecting {
            guard isConnected(index) else { return }
            slots[index].stage = .shaking
        }
        if readiness.contains(.write) { flush(index) }
        guard slots[index].generation == generation else { return }
        if readiness.contains(.read) || readiness.contains(.failed) { receive(index) }
    }

    private func isConnected(_ index: Int) -> Bool {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(slots[index].descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        guard code != 0 else { return true }
        end(index, .lost(unsafe String(cString: strerror(code))))
        return false
    }

    private func receive(_ index: Int) {
        let read = scratch.receive(from: slots[index].descriptor)
        guard read > 0 else {
            if read < 0 && (errno == EAGAIN || errno == EINTR) { return }
            let isFarewell = slots[index].stage == .closing
            return end(index, isFarewell ? .closed(code: nil) : .lost("the connection was closed"))
        }
        if slots[index].stage == .open { slots[index].deadline = .now + configuration.silence }
        if slots[index].stage == .shaking {
            slots[index].answer.append(scratch.bytes[..<read])
            guard finishHandshake(index) else { return }
        } else {
            slots[index].decoder.append(scratch.bytes[..<read])
        }
        converse(index)
    }

    /// True once the socket is open; what came behind the handshake is the decoder's then.
    private func finishHandshake(_ index: Int) -> Bool {
        do {
            // From the front each time: an answer nearly always comes in one piece.
            var scanner = HeadScanner()
            let answer = slots[index].answer
            guard let length = try scanner.scan(answer, limits: HTTPLimits()) else { return false }
            let head = try MessageHead(answer.bytes[answer.start..<(answer.start + length)])
            guard WebSocketHandshake.isAcceptance(head, of: slots[index].keyText) else {
                let status = WebSocketHandshake.status(of: head) ?? 0
                end(
                    index,
                    status == 101 ? .lost("a handshake that proves nothing") : .refused(status: status)
                )
                return false
            }
            slots[index].decoder.append(answer.bytes[(answer.start + length)...])
        } catch {
            end(index, .lost("\(error)"))
            return false
        }
        slots[index].answer = ByteBuffer()
        slots[index].stage = .open
        slots[index].deadline = .now + configuration.silence
        let generation = slots[index].generation
        listener.opened(socket(index), on: self)
        return slots[index].generation == generation
    }

    /// Hands on what has been said; the listener may close the socket meanwhile.
    private func converse(_ index: Int) {
        let generation = slots[index].generation
        while slots[index].generation == generation {
            do {
                let limit = configuration.messageLimit
                guard let event = try slots[index].decoder.next(limit: limit) else { return }
                react(to: event, index)
            } catch {
                write(Self.goodbye(error.code), index)
                guard slots[index].generation == generation else { return }
                return end(index, .lost(error.reason))
            }
        }
    }

    private func react(to event: WebSocketDecoder.Event, _ index: Int) {
        switch event {
        case .text(let text):
            // Who has said goodbye no longer listens.
            guard slots[index].stage == .open else { return }
            listener.received(text, on: socket(index), client: self)
        case .ping(let payload):
            write(WebSocketEncoder.frame(.pong, payload, mask: Self.mask()), index)
        case .pong: break
        case .binary:
            let generation = slots[index].generation
            write(Self.goodbye(1003), index)
            guard slots[index].generation == generation else { return }
            end(index, .lost("bytes instead of a text"))
        case .close(let code, _):
            let generation = slots[index].generation
            if slots[index].stage == .open { write(Self.goodbye(code), index) }
            guard slots[index].generation == generation else { return }
            end(index, .closed(code: code))
        }
    }

    // MARK: Writing

    func write(_ bytes: [UInt8], _ index: Int) {
        slots[index].output.append(bytes)
        flush(index)
    }

    private func flush(_ index: Int) {
        while !slots[index].output.isEmpty {
            let output = slots[index].output
            let sent = unsafe output.bytes.withUnsafeBufferPointer { bytes in
                let rest = unsafe UnsafeBufferPointer(rebasing: bytes[output.start...])
                return unsafe Glibc.send(
                    slots[index].descriptor,
                    rest.baseAddress,
                    rest.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if sent > 0 {
                slots[index].output.consume(sent)
            } else if errno == EAGAIN {
                return watch([.read, .write], index)
            } else if errno != EINTR {
                return end(index, .lost(unsafe String(cString: strerror(errno))))
            }
        }
        watch(.read, index)
    }

    private func watch(_ wanted: Readiness, _ index: Int) {
        guard wanted != slots[index].interest, let registration = slots[index].registration else { return }
        slots[index].interest = wanted
        try? loop.update(registration, for: wanted)
    }
}
