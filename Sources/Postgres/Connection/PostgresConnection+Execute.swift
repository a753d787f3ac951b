internal import Reactor

extension PostgresConnection {
    /// Runs statements in one round trip and waits for all their results.
    ///
    /// - Parameters:
    ///   - queries: the statements; those not yet prepared are prepared on the way.
    ///   - isCancellable: whether the task's cancellation reaches the server. The end of a transaction must not
    ///     be cut off.
    /// - Returns: the result of each.
    /// - Throws: ``PostgresError`` of the first statement that failed.
    func run(_ queries: [Query], isCancellable: Bool = true) async throws -> [ResultSet] {
        guard !queries.isEmpty else { return [] }
        return try await exclusively(isCancellable: isCancellable) {
            do {
                return try await $0.roundTrip(queries, isCancellable: isCancellable)
            } catch let error as PostgresError where error.statement == nil && error.code == .connection {
                throw error.about(queries[0])
            } catch is StalePlan {
                // The schema changed under a prepared statement, and nothing was done yet: forget them all, once.
                try await $0.script("ROLLBACK; DEALLOCATE ALL")
                return try await $0.roundTrip(queries, isCancellable: isCancellable)
            }
        }
    }

    /// Runs a script of several statements; they are one transaction unless the script says otherwise.
    func runScript(_ text: String) async throws {
        try await exclusively {
            try await $0.sendDeferredBegin()
            try await $0.script(text)
        }
    }

    // MARK: One at a time

    /// Runs an operation alone, and cancels it on the server when the task is cancelled.
    func exclusively<Value: Sendable>(
        isCancellable: Bool = true,
        _ body: (isolated PostgresConnection) async throws -> Value
    ) async throws -> Value {
        _ = try live()
        guard !isBusy else { throw PostgresError(.misuse, "the connection is busy with another statement") }
        if isCancellable && Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled") }
        isBusy = true
        operation += 1
        defer {
            isBusy = false
            publish()
        }
        guard isCancellable else { return try await body(self) }
        return try await cancellably(body)
    }

    /// Runs a part of the operation under way, and cancels that on the server when the task is cancelled.
    func cancellably<Value: Sendable>(
        _ body: (isolated PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let ticket = operation
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(
                try await withTaskCancellationHandler {
                    try await body(self)
                } onCancel: {
                    loop.execute { self.assumeIsolated { $0.cancel(ticket) } }
                }
            )
        } catch {
            outcome = .failure(error)
        }
        // The request to cancel must have reached the server before anything else is sent.
        let wasCancelled = await settleCancellation()
        if wasCancelled, case .failure(let error as PostgresError) = outcome {
            guard error.code == .server && error.sqlState == .queryCanceled || failure != nil else {
                throw error
            }
            var cancelled = error
            cancelled.code = .cancelled
            throw cancelled
        }
        return try outcome.get()
    }

    // MARK: Statements

    private struct StalePlan: Error {}

    /// What one result of the round trip is the answer to.
    private enum Step {
        case prepare(StatementCache.Key, name: String, Query)
        case forget(StatementCache.Key, name: String)
        case forgetPreparation
        case query(Query, isWanted: Bool)

        func about(_ error: PostgresError) -> PostgresError {
            switch self {
            case .prepare(_, _, let query), .query(let query, _): error.about(query)
            case .forget, .forgetPreparation: error
            }
        }
    }

    private func roundTrip(_ wanted: [Query], isCancellable: Bool) async throws -> [ResultSet] {
        // From here to the end of `send` nothing else runs, so a cancellation comes before it or finds it sent.
        if isCancellable && Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled") }
        let begin = takeBegin()
        let wasIdle = try live().transactionStatus == .idle
        let steps = try send(begin, wanted)
        try await flush()

        var results: [ResultSet] = []
        results.reserveCapacity(wanted.count)
        var complaint: PostgresError?
        for step in steps {
            guard let result = try await nextResult() else { throw lost() }
            if result.status == .copyIn || result.status == .copyOut {
                // There is no way to end a COPY in pipeline mode.
                throw abort(step.about(PostgresError(.misuse, "COPY is for copyIn and copyOut")))
            }
            guard try await nextResult() == nil else { throw lost() }
            switch (result.status, step) {
            case (.done, .prepare(let key, let name, _)): statements.insert(key, name: name)
            case (.done, .query(_, let isWanted)), (.rows, .query(_, let isWanted)):
                if isWanted { results.append(result) }
            case (.skipped, .forget(let key, let name)), (.failed, .forget(let key, let name)):
                statements.insert(key, name: name)
            case (.failed, _):
                if result.isStalePlan, wasIdle {
                    try await finishRoundTrip()
                    self.begin(with: begin)
                    statements = statements.emptied()
                    throw StalePlan()
                }
                if result.isStalePlan, case .query(let query, _) = step { statements.remove(.init(query)) }
                let error = step.about(result.error)
                guard error.code == .server else {
                    throw abort(error)
                }
                complaint = complaint ?? error
            default: break
            }
        }
        try await finishRoundTrip()
        if let complaint { throw complaint }
        return results
    }

    /// Queues everything in libpq, up to the synchronisation point.
    private func send(_ begin: [Query], _ wanted: [Query]) throws -> [Step] {
        let libpq = try live()
        if !isInPipelineMode {
            guard libpq.enterPipeline() else { throw lost() }
            isInPipelineMode = true
        }
        var steps: [Step] = []
        var onTheWay: [StatementCache.Key: String] = [:]
        let canForget = libpq.transactionStatus != .failed
        func add(_ query: Query, isWanted: Bool) throws {
            let key = StatementCache.Key(query)
            var name = statements.name(for: key) ?? onTheWay[key]
            if name == nil {
                while canForget, let evicted = statements.evict(expecting: onTheWay.count + 1) {
                    // An unnamed statement, so that forgetting one doesn't take a place itself.
                    let forget = "DEALLOCATE \(evicted.name)"
                    guard libpq.sendPrepare("", text: forget, types: []) else { throw lost() }
                    guard libpq.sendPrepared("", Query("deallocate", "")) else { throw lost() }
                    steps.append(contentsOf: [.forgetPreparation, .forget(evicted.key, name: evicted.name)])
                }
                let fresh = statements.makeName()
                guard libpq.sendPrepare(fresh, text: query.text, types: key.types) else { throw lost() }
                steps.append(.prepare(key, name: fresh, query))
                onTheWay[key] = fresh
                name = fresh
            }
            guard let name, libpq.sendPrepared(name, query) else { throw lost() }
            steps.append(.query(query, isWanted: isWanted))
        }
        for query in begin { try add(query, isWanted: false) }
        for query in wanted { try add(query, isWanted: true) }
        guard libpq.sendSync() else { throw lost() }
        return steps
    }

    private func finishRoundTrip() async throws {
        while true {
            let result = try await nextResult()
            if result?.status == .synchronised { return }
            if let result, result.status == .failed, result.error.code != .server {
                throw abort(result.error)
            }
        }
    }

    /// The next result, or nil where one statement's results end.
    func nextResult() async throws -> ResultSet? {
        let libpq = try live()
        if libpq.isBusy { try await wait(for: .result) }
        let result = libpq.nextResult()
        if result == nil && libpq.isBad { throw lost() }
        return result
    }

    /// Takes and forgets what is left of a statement outside of pipeline mode.
    func drain() async throws {
        while try await nextResult() != nil {}
    }

    /// Begins the transaction, if that is still to be done, with a round trip of its own.
    func sendDeferredBegin() async throws {
        let begin = takeBegin()
        if !begin.isEmpty { _ = try await roundTrip(begin, isCancellable: true) }
    }

    // MARK: Scripts

    func leavePipelineMode() throws {
        guard isInPipelineMode else { return }
        guard try live().exitPipeline() else { throw lost() }
        isInPipelineMode = false
    }

    private func script(_ text: String) async throws {
        try leavePipelineMode()
        guard try live().sendScript(text) else { throw lost() }
        try await flush()
        var complaint: PostgresError?
        while let result = try await nextResult() {
            switch result.status {
            case .failed:
                let error = result.error
                guard error.code == .server else {
                    throw abort(error)
                }
                complaint = complaint ?? error
            case .copyIn, .copyOut:
                throw abort(PostgresError(.misuse, "a script can't COPY from or to the client"))
            default: break
            }
        }
        if let complaint { throw complaint }
    }
}
