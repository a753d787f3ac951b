internal import Glibc
internal import Reactor

/// Connections that have become channels.
extension ServerLoop {
    /// Pings without an answer after which the other side is taken to be gone.
    private static let patience = 2
    /// Output that waits beyond this is of a client that doesn't read.
    private static let channelHighWater = 262_144

    // MARK: Opening

    /// Turns the connection into a channel, or says why not.
    func open(_ offer: ChannelOffer, for request: HTTPRequest, _ asked: Asked, _ slot: Int) {
        switch offer.kind {
        case .webSocket:
            do {
                var response = try WebSocketHandshake.accept(request)
                response.call = offer.call
                var staying = asked
                staying.keepAlive = true
                write(response, for: staying, slot)
            } catch {
                return write(error.response, for: asked.last, slot)
            }
        case .eventStream:
            guard request.method != .head else {
                let head = HTTPResponse(status: 200, headers: Self.eventStreamHeaders)
                return write(head, for: asked, slot)
            }
            let date = currentDate()
            connections[slot].output.append { output in
                ResponseEncoder.appendStreamHead(
                    headers: Self.eventStreamHeaders,
                    to: &output,
                    date: date,
                    isChunked: asked.keepAlive,
                    standing: shared.standing,
                    requestID: asked.id
                )
            }
            note(asked, status: 200, bytes: 0, call: offer.call, slot)
        }
        guard !connections[slot].isClosing else { return }
        var state = ChannelState(
            kind: offer.kind,
            subject: offer.subject,
            handler: offer.handler,
            isChunked: asked.keepAlive
        )
        let early = connections[slot].parser.takeRest()
        if offer.kind == .webSocket { state.decoder.append(early[...]) }
        connections[slot].channel = state
        enter(.open, slot)
        let channel = channel(slot, offer.kind)
        offer.handler.opened(channel, subject: offer.subject, on: ChannelLoop(loop: self))
        offer.whenOpen?(channel, ChannelLoop(loop: self))
    }

    private static let eventStreamHeaders: HTTPHeaders = [
        "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
    ]

    private func channel(_ slot: Int, _ kind: Channel.Kind) -> Channel {
        Channel(loop: index, kind: kind, slot: slot, generation: connections[slot].generation)
    }

    // MARK: Receiving

    /// Takes what the client has sent; a client of an event stream has nothing to say.
    func hear(_ bytes: ArraySlice<UInt8>, _ slot: Int) {
        connections[slot].channel?.unanswered = 0
        connections[slot].deadline = .now + configuration.pingInterval
        guard connections[slot].channel?.kind == .webSocket else { return }
        connections[slot].channel?.decoder.append(bytes)
    }

    /// Answers what the client has said, as long as it takes the answers.
    func converse(_ slot: Int) {
        let generation = connections[slot].generation
        while connections[slot].generation == generation, !connections[slot].isClosing,
            connections[slot].output.count <= Self.channelHighWater
        {
            do {
                guard
                    let event = try connections[slot].channel?.decoder.next(
                        limit: configuration.messageLimit
                    )
                else { return }
                guard connections[slot].channel?.mayBeHeard(at: .now, configuration.messageRate) ?? true
                else {
                    return sayGoodbye(1008, "too many messages", slot)
                }
                react(to: event, slot)
            } catch {
                return sayGoodbye(error.code, error.reason, slot)
            }
        }
    }

    private func react(to event: WebSocketDecoder.Event, _ slot: Int) {
        guard let state = connections[slot].channel else { return }
        switch event {
        case .text(let text):
            let channel = channel(slot, state.kind)
            state.handler.received(text, on: channel, subject: state.subject, loop: ChannelLoop(loop: self))
        case .binary: sayGoodbye(1003, "only texts are taken here", slot)
        case .ping(let payload):
            connections[slot].output.append(WebSocketEncoder.frame(.pong, payload))
        case .pong: break
        case .close(let code, _): sayGoodbye(code, "", slot)
        }
    }

    /// Says that all is said, and stops listening.
    private func sayGoodbye(_ code: UInt16?, _ reason: String, _ slot: Int) {
        guard let state = connections[slot].channel, !connections[slot].isClosing else { return }
        switch state.kind {
        case .webSocket: connections[slot].output.append(WebSocketEncoder.close(code, reason))
        case .eventStream: if state.isChunked { connections[slot].output.append(Array("0\r\n\r\n".utf8)) }
        }
        connections[slot].isClosing = true
        connections[slot].mustLinger = true
    }

    // MARK: Sending

    func deliver(_ message: ChannelMessage, to channel: Channel, canWait: Bool) -> Bool {
        let slot = channel.slot
        guard connections.indices.contains(slot), connections[slot].generation == channel.generation,
            let state = connections[slot].channel, !connections[slot].isClosing
        else { return false }
        let waiting = connections[slot].output.count
        guard waiting == 0 || canWait else { return false }
        let bytes: [UInt8] =
            state.kind == .webSocket
            ? message.frame : state.isChunked ? message.event : ChannelMessage.unchunked(message.event)
        guard waiting + bytes.count <= Self.channelHighWater else {
            close(slot)
            return false
        }
        // Most sockets take it at once, without a copy.
        var sent = 0
        if waiting == 0 {
            sent = max(0, put(bytes[...], slot))
            if sent == bytes.count { return true }
        }
        connections[slot].output.append(bytes[sent...])
        settle(slot)
        return true
    }

    func close(_ channel: Channel, code: UInt16, reason: String) {
        let slot = channel.slot
        guard connections.indices.contains(slot), connections[slot].generation == channel.generation else {
            return
        }
        sayGoodbye(code, reason, slot)
        guard flush(slot) else { return }
        settle(slot)
    }

    // MARK: Time

    /// Asks a silent client whether it is there; false when it has not answered often enough.
    func ping(_ slot: Int) -> Bool {
        guard let state = connections[slot].channel, state.unanswered < Self.patience else { return false }
        // What it was sent before still waits for it: no question could reach it.
        if !connections[slot].output.isEmpty || state.kind == .webSocket {
            connections[slot].channel?.unanswered += 1
        }
        if connections[slot].output.isEmpty {
            switch state.kind {
            case .webSocket:
                connections[slot].output.append(WebSocketEncoder.frame(.ping, []))
            case .eventStream:
                // Nobody answers a comment; but a connection that is gone shows when it is written to.
                let comment = Array(":\n\n".utf8)
                connections[slot].output.append(state.isChunked ? ChannelMessage.chunk(comment) : comment)
            }
        }
        guard flush(slot) else { return true }
        if connections[slot].output.isEmpty, state.kind == .eventStream {
            connections[slot].channel?.unanswered = 0
        }
        enter(.open, slot)
        settle(slot)
        return true
    }

    /// Tells every channel that the server goes away.
    func drainChannels() {
        var told: Set<ObjectIdentifier> = []
        for slot in connections.indices {
            guard let state = connections[slot].channel else { continue }
            if told.insert(ObjectIdentifier(state.handler)).inserted {
                state.handler.draining(on: ChannelLoop(loop: self))
            }
        }
        for slot in connections.indices where connections[slot].channel != nil {
            sayGoodbye(1001, "the server stops; come again", slot)
            if flush(slot) { settle(slot) }
        }
    }
}

extension ChannelMessage {
    /// The event without the chunk around it.
    static func unchunked(_ chunk: [UInt8]) -> [UInt8] {
        guard let start = chunk.firstIndex(of: ASCII.lineFeed) else { return chunk }
        return Array(chunk[(start + 1)...].dropLast(2))
    }
}
