internal import CLinux
internal import Glibc
internal import Reactor

/// The connections of a server that live on one loop.
final class ServerLoop: ReadinessHandler, @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.
    static let listenerToken = UInt64.max
    /// Output that waits beyond this keeps further requests from being answered.
    private static let outputHighWater = 65_536
    /// How often output of that size is sent for one connection before the others have their turn.
    private static let turnsAtOnce = 2
    /// Input that waits beyond this is not read.
    private static let inputHighWater = 65_536

    let loop: EventLoop
    /// Which of the server's loops it is, from 0.
    let index: Int
    let shared: ServerShare
    let configuration: HTTPServerConfiguration
    private let handler: @Sendable (HTTPRequest) -> Reply

    var connections: [ServerConnection] = []
    var freeSlots: [Int] = []
    var open = 0
    var listener: (descriptor: Int32, registration: Registration)?
    var whenEmpty: [CheckedContinuation<Void, Never>] = []
    var isDraining = false
    var wheel: TimerWheel
    var isTurning = false
    var scratch = ReceiveBuffer()
    private var date = (second: -1, text: "")
    var ids = RequestIDs()

    init(
        loop: EventLoop,
        index: Int,
        configuration: HTTPServerConfiguration,
        shared: ServerShare,
        handler: @escaping @Sendable (HTTPRequest) -> Reply
    ) {
        self.loop = loop
        self.index = index
        self.configuration = configuration
        self.shared = shared
        self.handler = handler
        wheel = TimerWheel(span: configuration.sweepInterval)
    }

    // MARK: Reading and answering

    func ready(_ readiness: Readiness, token: UInt64) {
        if token == Self.listenerToken { return accept() }
        let slot = Int(token)
        if readiness.contains(.failed) { return close(slot) }
        if connections[slot].stage == .greeting && !greet(slot) { return }
        if readiness.contains(.read) && !receive(slot) { return }
        serve(slot)
    }

    /// Reads what has come.
    ///
    /// Returns false when the connection is gone.
    func receive(_ slot: Int) -> Bool {
        let read = scratch.receive(from: connections[slot].descriptor, through: connections[slot].tls)
        if read > 0 {
            if connections[slot].stage == .lingering { return true }
            if connections[slot].channel != nil {
                hear(scratch.bytes[..<read], slot)
            } else {
                connections[slot].parser.append(scratch.bytes[..<read])
            }
            return true
        }
        if read < 0 {
            if errno == EAGAIN || errno == EINTR { return true }
            close(slot)
            return false
        }
        connections[slot].inputEnded = true
        guard connections[slot].isHandling || !connections[slot].output.isEmpty else {
            close(slot)
            return false
        }
        return true
    }

    /// Answers what can be answered, sends what can be sent, and sees what to wait for next.
    func serve(_ slot: Int) {
        let generation = connections[slot].generation
        var turns = 0
        while true {
            let mayContinue = connections[slot].channel == nil && answerBuffered(slot)
            if connections[slot].channel != nil { converse(slot) }
            guard connections[slot].generation == generation, flush(slot) else { return }
            // More requests may lie in the buffer that were only kept back by the output.
            guard mayContinue, connections[slot].output.isEmpty else { break }
            turns += 1
            guard turns < Self.turnsAtOnce else {
                serveLater(slot)
                break
            }
        }
        settle(slot)
    }

    /// Goes on with a connection after what else waits: who asks for much must not keep the others waiting.
    private func serveLater(_ slot: Int) {
        let generation = connections[slot].generation
        loop.execute { [self] in
            if connections[slot].generation == generation { serve(slot) }
        }
    }

    /// Returns whether it stopped only because enough output waits.
    private func answerBuffered(_ slot: Int) -> Bool {
        while !connections[slot].isHandling && !connections[slot].isClosing
            && connections[slot].channel == nil
        {
            if connections[slot].output.count > Self.outputHighWater { return true }
            do {
                switch try connections[slot].parser.next(limits: configuration.limits) {
                case nil:
                    if !connections[slot].parser.isIdle && shared.isFull { refuse(.overloaded, slot) }
                    return false
                case .expectsContinue: connections[slot].output.append(ResponseEncoder.interim)
                case .request(var request, let keepAlive):
                    // What comes next begins its time anew.
                    enter(.handling, slot)
                    let asked = identify(&request, keepAlive: keepAlive, slot)
                    if let problem = objection(to: request, slot) {
                        write(problem.response, for: asked, slot)
                    } else {
                        answer(request, asked, slot)
                    }
                }
            } catch {
                refuse(error.problem, slot)
            }
        }
        return false
    }

    private func answer(_ request: HTTPRequest, _ asked: Asked, _ slot: Int) {
        switch handler(request) {
        case .now(let response): write(response, for: asked, slot)
        case .channel(let offer): enterChannel(offer, for: request, asked, slot)
        case .later(let body):
            connections[slot].isHandling = true
            connections[slot].bytesInHand = request.body.count
            let generation = connections[slot].generation
            Task(executorPreference: loop) {
                let response = await body()
                let reply = { @Sendable in
                    guard self.connections[slot].generation == generation else { return }
                    self.connections[slot].isHandling = false
                    self.connections[slot].bytesInHand = 0
                    if var offer = response.channel {
                        offer.call = response.call
                        self.enterChannel(offer, for: request, asked, slot)
                    } else {
                        self.write(response, for: asked, slot)
                    }
                    self.serve(slot)
                }
                // A task that prefers the loop mostly ends there.
                if self.loop.isCurrent { reply() } else { self.loop.execute(reply) }
            }
        }
    }

    private func enterChannel(_ offer: ChannelOffer, for request: HTTPRequest, _ asked: Asked, _ slot: Int) {
        guard !isDraining else { return write(Problem.stopping.response, for: asked.last, slot) }
        open(offer, for: request, asked, slot)
    }

    /// Sends what waits.
    ///
    /// Returns false when the connection is gone.
    func flush(_ slot: Int) -> Bool {
        while !connections[slot].output.isEmpty {
            let output = connections[slot].output
            let sent = put(output.bytes[output.start...], slot)
            if sent > 0 {
                connections[slot].output.consume(sent)
                // The client takes bytes, so its time to take the next ones begins anew.
                if connections[slot].stage == .writing { connections[slot].stage = .handling }
            } else if errno == EAGAIN {
                return true
            } else if errno != EINTR {
                close(slot)
                return false
            }
        }
        return true
    }

    /// Decides what the connection waits for now.
    func settle(_ slot: Int) {
        let connection = connections[slot]
        var interest: Readiness = []
        let stage: ServerConnection.Stage
        if connection.stage == .greeting { return }
        if connection.channel != nil, !connection.isClosing {
            if connection.inputEnded { return close(slot) }
            stage = .open
            interest = connection.output.isEmpty ? .read : [.read, .write]
        } else if !connection.output.isEmpty {
            stage = .writing
            interest = .write
        } else if connection.isClosing {
            guard connection.mustLinger && !connection.inputEnded else { return close(slot) }
            if connection.stage != .lingering { endOutput(slot) }
            stage = .lingering
            interest = .read
        } else if connection.isHandling {
            stage = .handling
            if connection.parser.bufferedBytes < Self.inputHighWater { interest = .read }
        } else if connection.inputEnded {
            return close(slot)
        } else {
            interest = .read
            stage = connection.parser.isReadingBody ? .body : connection.parser.isIdle ? .idle : .header
        }
        if connection.inputEnded { interest.remove(.read) }
        if isDraining && stage == .idle { return close(slot) }
        if stage != connection.stage || stage == .idle { enter(stage, slot) }
        expect(interest, slot)
        countBytes(slot)
    }

    func expect(_ interest: Readiness, _ slot: Int) {
        guard interest != connections[slot].interest, let registration = connections[slot].registration
        else { return }
        connections[slot].interest = interest
        try? loop.update(registration, for: interest)
    }

    /// Counts what waits in the server's memory because of this connection.
    private func countBytes(_ slot: Int) {
        let bytes =
            connections[slot].parser.heldBytes + connections[slot].output.count
            + connections[slot].bytesInHand + (connections[slot].channel?.decoder.heldBytes ?? 0)
        guard bytes != connections[slot].countedBytes else { return }
        shared.countBytes(bytes - connections[slot].countedBytes)
        connections[slot].countedBytes = bytes
    }

    func close(_ slot: Int) {
        guard connections[slot].descriptor >= 0 else { return }
        let closing = connections[slot]
        if let registration = closing.registration { loop.deregister(registration) }
        if let tls = closing.tls {
            tls.sayGoodbye()
            tls.free()
        }
        Glibc.close(closing.descriptor)
        connections[slot] = ServerConnection()
        connections[slot].generation = closing.generation &+ 1
        connections[slot].wheelSpan = closing.wheelSpan
        freeSlots.append(slot)
        open -= 1
        shared.remove(closing)
        if let channel = closing.channel {
            let gone = Channel(loop: index, kind: channel.kind, slot: slot, generation: closing.generation)
            channel.handler.closed(gone, subject: channel.subject, on: ChannelLoop(loop: self))
        }
        resumeIfEmpty()
    }

    func currentDate() -> String {
        let second = time(nil)
        if second != date.second { date = (second, HTTPDate.text(secondsSince1970: second)) }
        return date.text
    }
}
