internal import Reactor

extension PostgresConnection {
    /// Runs a script of several statements; they are one transaction unless the script says otherwise.
    ///
    /// - Throws: ``PostgresError`` of the first statement that failed.
    func runScript(_ text: String) async throws {
        try await exclusively {
            try await $0.sendDeferredBegin()
            try await $0.script($0.withSettings(text))
        }
    }

    // MARK: One at a time

    /// Runs an operation of several parts alone, and cancels it on the server when the task is cancelled.
    func exclusively<Value: Sendable>(
        _ body: (isolated PostgresConnection) async throws -> Value
    ) async throws -> Value {
        _ = try live()
        guard !isBusy else { throw PostgresError(.misuse, "the connection is busy with another statement") }
        if Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled") }
        isBusy = true
        operation += 1
        defer {
            isBusy = false
            publish()
        }
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
        if wasCancelled, case .failure(let error as PostgresError) = outcome { throw cancelled(error) }
        return try outcome.get()
    }

    // MARK: Results outside of pipeline mode

    /// Sends all that libpq has buffered.
    func flush() async throws {
        while true {
            switch try live().flush() {
            case 0: return
            case 1: try await wait(for: .room)
            default: throw lost()
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

    /// Takes and forgets what is left of a statement.
    func drain() async throws {
        while try await nextResult() != nil {}
    }

    /// Begins the transaction, if that is still to be done, by itself.
    func sendDeferredBegin() async throws {
        let begin = localSettings.following(takeBegin())
        if !begin.isEmpty { try await script(begin.map(\.text).joined(separator: "; ")) }
    }

    /// A script that is a transaction of its own, with the settings in front that it needs.
    func withSettings(_ text: String) -> String {
        guard libpq?.transactionStatus == .idle else { return text }
        return (localSettings.afterBegin.map(\.text) + [text]).joined(separator: "; ")
    }

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
                guard result.error.code == .server else { throw abort(result.error) }
                complaint = complaint ?? result.error
            case .copyIn, .copyOut, .copyBoth:
                throw abort(PostgresError(.misuse, "a script can't COPY from or to the client"))
            default: break
            }
        }
        if let complaint { throw complaint }
    }
}
