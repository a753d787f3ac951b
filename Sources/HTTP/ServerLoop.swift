internal import CLinux
internal import Glibc
internal import Reactor

/// The connections of a server that live on one loop.
final class ServerLoop: ReadinessHandler, @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.
    static let listenerToken = UInt64.max
    /// Output that waits beyond this keeps further requests from being answered.
    private static let outputHighWater = 65_536
    /// Input that waits beyond this is not read.
    private static let inputHighWater = 65_536

    let loop: EventLoop
    /// Which of the server's loops it is, from 0.
    let index: Int
    let count: ConnectionCount
    let configuration: HTTPServerConfiguration
    private let handler: @Sendable (HTTPRequest) -> Reply

    var connections: [ServerConnection] = []
    var freeSlots: [Int] = []
    var open = 0
    var listener: (descriptor: Int32, registration: Registration)?
    var whenEmpty: [CheckedContinuation<Void, Never>] = []
    var isDraining = false
    private var isSweeping = false
    private var date = (second: -1, text: "")
    private var scratch = ReceiveBuffer()

    init(
        loop: EventLoop,
        index: Int,
        configuration: HTTPServerConfiguration,
        count: ConnectionCount,
        handler: @escaping @Sendable (HTTPRequest) -> Reply
    ) {
        self.loop = loop
        self.index = index
        self.configuration = configuration
        self.count = count
        self.handler = handler
    }

    // MARK: Reading and answering

    func ready(_ readiness: Readiness, token: UInt64) {
        if token == Self.listenerToken { return accept() }
        let slot = Int(token)
        if readiness.contains(.failed) { return close(slot) }
        if readiness.contains(.read) && !receive(slot) { return }
        serve(slot)
    }

    /// Reads what has come.
    ///
    /// Returns false when the connection is gone.
    func receive(_ slot: Int) -> Bool {
        let read = scratch.receive(from: connections[slot].descriptor)
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
        while true {
            let mayContinue = connections[slot].channel == nil && answerBuffered(slot)
            if connections[slot].channel != nil { converse(slot) }
            guard connections[slot].generation == generation, flush(slot) else { return }
            // More requests may lie in the buffer that were only kept back by the output.
            guard mayContinue, connections[slot].output.isEmpty else { break }
        }
        settle(slot)
    }

    /// Returns whether it stopped only because enough output waits.
    private func answerBuffered(_ slot: Int) -> Bool {
        while !connections[slot].isHandling && !connections[slot].isClosing
            && connections[slot].channel == nil
        {
            if connections[slot].output.count > Self.outputHighWater { return true }
            do {
                switch try connections[slot].parser.next(limits: configuration.limits) {
                case nil: return false
                case .expectsContinue: connections[slot].output.append(ResponseEncoder.interim)
                case .request(var request, let keepAlive):
                    // What comes next begins its time anew.
                    enter(.handling, slot)
                    request.remoteAddress = connections[slot].remoteAddress
                    answer(request, keepAlive: keepAlive, slot)
                }
            } catch {
                refuse(error.problem, slot)
            }
        }
        return false
    }

    private func answer(_ request: HTTPRequest, keepAlive: Bool, _ slot: Int) {
        let withoutBody = request.method == .head
        switch handler(request) {
        case .now(let response): write(response, keepAlive: keepAlive, withoutBody: withoutBody, slot)
        case .channel where isDraining:
            write(Problem.stopping.response, keepAlive: false, withoutBody: withoutBody, slot)
        case .channel(let offer): open(offer, for: request, keepAlive: keepAlive, slot)
        case .later(let body):
            connections[slot].isHandling = true
            let generation = connections[slot].generation
            Task(executorPreference: loop) {
                let response = await body()
                let reply = { @Sendable in
                    guard self.connections[slot].generation == generation else { return }
                    self.connections[slot].isHandling = false
                    self.write(response, keepAlive: keepAlive, withoutBody: withoutBody, slot)
                    self.serve(slot)
                }
                // A task that prefers the loop mostly ends there.
                if self.loop.isCurrent { reply() } else { self.loop.execute(reply) }
            }
        }
    }

    func write(_ response: HTTPResponse, keepAlive: Bool, withoutBody: Bool, _ slot: Int) {
        let isLast = !keepAlive || isDraining || connections[slot].inputEnded
        let date = currentDate()
        connections[slot].output.append { output in
            ResponseEncoder.append(response, to: &output, date: date, withoutBody: withoutBody, close: isLast)
        }
        if isLast {
            connections[slot].isClosing = true
            connections[slot].mustLinger = connections[slot].parser.bufferedBytes > 0
        }
    }

    /// Tells a problem after which the connection can't be read any further.
    private func refuse(_ problem: Problem, _ slot: Int) {
        write(problem.response, keepAlive: false, withoutBody: false, slot)
        connections[slot].mustLinger = true
    }

    /// Sends what waits.
    ///
    /// Returns false when the connection is gone.
    func flush(_ slot: Int) -> Bool {
        while !connections[slot].output.isEmpty {
            let output = connections[slot].output
            let sent = unsafe output.bytes.withUnsafeBufferPointer { bytes in
                let rest = unsafe UnsafeBufferPointer(rebasing: bytes[output.start...])
                return unsafe send(
                    connections[slot].descriptor,
                    rest.baseAddress,
                    rest.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
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
        if connection.channel != nil, !connection.isClosing {
            if connection.inputEnded { return close(slot) }
            stage = .open
            interest = connection.output.isEmpty ? .read : [.read, .write]
        } else if !connection.output.isEmpty {
            stage = .writing
            interest = .write
        } else if connection.isClosing {
            guard connection.mustLinger && !connection.inputEnded else { return close(slot) }
            if connection.stage != .lingering { shutdown(connection.descriptor, Int32(SHUT_WR)) }
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
        if interest != connection.interest, let registration = connection.registration {
            connections[slot].interest = interest
            try? loop.update(registration, for: interest)
        }
    }

    func enter(_ stage: ServerConnection.Stage, _ slot: Int) {
        connections[slot].stage = stage
        let wait: Duration
        switch stage {
        case .idle: wait = configuration.idleTimeout
        case .header: wait = configuration.headerTimeout
        case .body: wait = configuration.bodyTimeout
        case .writing: wait = configuration.writeTimeout
        case .lingering: wait = .seconds(2)
        case .open: wait = configuration.pingInterval
        case .handling:
            connections[slot].deadline = MonotonicTime(nanoseconds: .max)
            return
        }
        connections[slot].deadline = .now + wait
    }

    func close(_ slot: Int) {
        guard connections[slot].descriptor >= 0 else { return }
        if let registration = connections[slot].registration { loop.deregister(registration) }
        Glibc.close(connections[slot].descriptor)
        let generation = connections[slot].generation
        let channel = connections[slot].channel
        connections[slot] = ServerConnection()
        connections[slot].generation = generation &+ 1
        freeSlots.append(slot)
        open -= 1
        count.remove()
        if let channel {
            let gone = Channel(loop: index, kind: channel.kind, slot: slot, generation: generation)
            channel.handler.closed(gone, subject: channel.subject, on: ChannelLoop(loop: self))
        }
        resumeIfEmpty()
    }

    // MARK: Time

    func sweepLater() {
        guard !isSweeping else { return }
        isSweeping = true
        _ = loop.schedule(after: configuration.sweepInterval) { [weak self] in self?.sweep() }
    }

    private func sweep() {
        isSweeping = false
        let now = MonotonicTime.now
        for slot in connections.indices
        where connections[slot].deadline <= now && connections[slot].descriptor >= 0 {
            switch connections[slot].stage {
            case .header, .body:
                refuse(.requestTimeout, slot)
                serve(slot)
            case .open: if !ping(slot) { close(slot) }
            case .idle, .writing, .lingering, .handling: close(slot)
            }
        }
        if open > 0 { sweepLater() }
    }

    func currentDate() -> String {
        let second = time(nil)
        if second != date.second { date = (second, HTTPDate.text(secondsSince1970: second)) }
        return date.text
    }
}
