internal import Reactor

extension PostgresConnection {
    /// Connects: tries every address of every host in turn, each with a time limit of its own.
    ///
    /// - Throws: ``PostgresError`` that says of each address why not. Its code is `configuration` when trying
    ///   again won't help.
    nonisolated func open() async throws {
        let plan = try await HostResolver.plan(for: configuration)
        try await open(plan)
    }

    private func open(_ plan: HostResolver.Plan) async throws {
        // While it lasts, the socket's bytes are the handshake's.
        isBusy = true
        defer { isBusy = false }
        var complaints = plan.failures
        var isHopeless = plan.failures.isEmpty
        let wanted = configuration.parameters["target_session_attrs"]
        // libpq makes two rounds for this one; with one attempt per address, so do we.
        let rounds = wanted == "prefer-standby" ? ["standby", "any"] : [wanted]
        for attributes in rounds {
            for endpoint in plan.endpoints {
                let keywords = configuration.keywords(for: endpoint, sessionAttributes: attributes)
                guard let attempt = LibPQ(parameters: keywords) else {
                    throw PostgresError(.connection, "out of memory")
                }
                do {
                    try await establish(attempt)
                    return
                } catch let error as PostgresError {
                    unwatch()
                    libpq = nil
                    if !complaints.contains(error.message) { complaints.append(error.message) }
                    isHopeless = isHopeless && error.code == .configuration
                }
            }
        }
        let error = PostgresError(
            isHopeless ? .configuration : .connection,
            complaints.joined(separator: "; ")
        )
        shut(because: error)
        throw error
    }

    private func establish(_ attempt: LibPQ) async throws {
        libpq = attempt
        if let plans = configuration.plans, plans.source == .server { attempt.tell(plans) }
        guard !attempt.isBad else { throw refusal(attempt.message) }
        let deadline = MonotonicTime.now + configuration.connectTimeout
        let timer = loop.schedule(after: configuration.connectTimeout) { [weak self] in
            self?.assumeIsolated { $0.resume() }
        }
        defer { loop.cancel(timer) }
        var want = Readiness.write
        polling: while true {
            try await suspend(for: .handshake, watching: want)
            // libpq may have another socket after each poll, even one with the same number.
            unwatch()
            if let failure { throw failure }
            guard .now < deadline else {
                let message = attempt.message
                let start = message.isEmpty ? "connection to \(configuration) failed" : message
                throw PostgresError(.connection, "\(start): no answer in \(configuration.connectTimeout)")
            }
            switch attempt.connectPoll() {
            case .reading: want = .read
            case .writing: want = .write
            case .connected: break polling
            case .failed: throw refusal(attempt.message)
            }
        }
        guard attempt.setNonblocking() else { throw PostgresError(.connection, attempt.message) }
        publish()
    }

    /// Tells a server that says no from one that isn't there: waiting helps only with the second.
    private func refusal(_ message: String) -> PostgresError {
        let answered = [
            "FATAL: ", "no password supplied", "invalid ", "could not read ", "certificate",
            "not support SSL",
        ]
        let passing = [
            "starting up", "shutting down", "recovery", "too many", "connection slots", "terminating",
            // A pooler's, whose server isn't there or is slow, or who has no room.
            "server login has been failing", "cannot connect to server", "server_login_retry",
            "query_wait_timeout", "no more connections allowed",
        ]
        let isFinal = answered.contains { message.contains($0) } && !passing.contains { message.contains($0) }
        return PostgresError(isFinal ? .configuration : .connection, message)
    }
}
