internal import Reactor

/// How long connections may wait for what they wait for.
extension ServerLoop {
    func enter(_ stage: ServerConnection.Stage, _ slot: Int) {
        connections[slot].stage = stage
        let wait: Duration
        switch stage {
        case .greeting, .header: wait = configuration.headerTimeout
        case .idle: wait = configuration.idleTimeout
        case .body: wait = configuration.bodyTimeout
        case .writing: wait = configuration.writeTimeout
        case .lingering: wait = .seconds(2)
        case .open: wait = configuration.pingInterval
        case .handling:
            connections[slot].deadline = MonotonicTime(nanoseconds: .max)
            return
        }
        connections[slot].deadline = .now + wait
        watch(slot)
    }

    /// Sees that the connection is looked at when its deadline has passed.
    func watch(_ slot: Int) {
        let deadline = connections[slot].deadline
        guard deadline.nanoseconds != .max else { return }
        let span = connections[slot].wheelSpan
        guard span < 0 || wheel.span(of: deadline) < span else { return }
        connections[slot].wheelSpan = wheel.add(slot, at: deadline)
        turnLater()
    }

    private func turnLater() {
        guard !isTurning else { return }
        isTurning = true
        _ = loop.schedule(after: wheel.span) { [weak self] in self?.turn() }
    }

    /// Looks at the connections whose span is over.
    private func turn() {
        isTurning = false
        let now = MonotonicTime.now
        while let due = wheel.take(at: now) {
            for slot in due.slots where connections[slot].wheelSpan == due.span {
                connections[slot].wheelSpan = -1
                guard connections[slot].descriptor >= 0 else { continue }
                if connections[slot].deadline <= now { overdue(slot) } else { watch(slot) }
            }
        }
        if wheel.count > 0 { turnLater() }
    }

    private func overdue(_ slot: Int) {
        switch connections[slot].stage {
        case .header, .body:
            refuse(.requestTimeout, slot)
            serve(slot)
        case .open: if !ping(slot) { close(slot) }
        case .greeting, .idle, .writing, .lingering, .handling: close(slot)
        }
    }
}
