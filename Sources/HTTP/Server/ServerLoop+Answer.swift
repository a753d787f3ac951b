internal import Reactor

/// What every request and every answer goes through.
extension ServerLoop {
    /// Finds out whom the request is from and gives it a name.
    func identify(_ request: inout HTTPRequest, keepAlive: Bool, _ slot: Int) -> Asked {
        let peer = connections[slot].remoteAddress
        let isTrusted = connections[slot].isTrusted
        request.remoteAddress = peer
        if isTrusted, let peer {
            request.remoteAddress = configuration.forwardedHeader.client(
                of: request.headers,
                peer: peer,
                trusted: configuration.trustedProxies
            )
        }
        let given = isTrusted ? request.headers["X-Request-Id"] : nil
        request.id = given.flatMap { RequestIDs.isKept($0) ? $0 : nil } ?? ids.next()
        return Asked(
            method: request.method,
            client: request.remoteAddress,
            id: request.id,
            began: configuration.accessLog == nil ? MonotonicTime(nanoseconds: 0) : .now,
            keepAlive: keepAlive
        )
    }

    /// What speaks against answering the request at all.
    func objection(to request: HTTPRequest, _ slot: Int) -> Problem? {
        if shared.isFull { return .overloaded }
        // Pages keep their tokens in cookies.
        let token = request.headers["Authorization"] ?? request.headers["Cookie"]
        guard let client = request.remoteAddress, let wait = shared.wait(for: client, token: token) else {
            return nil
        }
        var problem = Problem.tooManyRequests
        problem.retryAfter = max(1, Int(wait.seconds.rounded(.up)))
        return problem
    }

    func write(_ response: HTTPResponse, for asked: Asked, _ slot: Int) {
        let isLast = !asked.keepAlive || isDraining || connections[slot].inputEnded
        let date = currentDate()
        connections[slot].output.append { output in
            ResponseEncoder.append(
                response,
                to: &output,
                date: date,
                withoutBody: asked.isWithoutBody,
                close: isLast,
                standing: shared.standing,
                requestID: asked.id
            )
        }
        note(asked, status: response.status, bytes: response.body.count, call: response.call, slot)
        if isLast {
            connections[slot].isClosing = true
            connections[slot].mustLinger = connections[slot].parser.bufferedBytes > 0
        }
    }

    func note(_ asked: Asked, status: Int, bytes: Int, call: String, _ slot: Int) {
        guard let log = configuration.accessLog else { return }
        log.note(
            AccessRecord(
                client: asked.client,
                method: asked.method,
                call: call,
                status: status,
                bytes: asked.isWithoutBody ? 0 : bytes,
                took: .now - asked.began,
                requestID: asked.id,
                isEncrypted: connections[slot].tls != nil
            )
        )
    }

    /// Tells a problem after which the connection can't be read any further.
    func refuse(_ problem: Problem, _ slot: Int) {
        let asked = Asked(
            method: nil,
            client: connections[slot].remoteAddress,
            id: ids.next(),
            began: .now,
            keepAlive: false
        )
        write(problem.response, for: asked, slot)
        connections[slot].mustLinger = true
    }
}
