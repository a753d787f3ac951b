internal import Reactor

extension PostgresConnection {
    /// How much of a COPY is handed over at once.
    private static let chunk = 64 * 1024

    // MARK: The whole

    nonisolated func copyIn(
        _ query: Query,
        _ body: (inout CopyWriter) async throws -> Void
    ) async throws -> Int {
        try await startCopy(query, wanted: .copyIn)
        var writer = CopyWriter(connection: self)
        do {
            try await body(&writer)
            try await writer.finish()
        } catch {
            _ = try? await endCopyIn(query, because: "\(error)")
            throw error
        }
        return try await endCopyIn(query, because: nil)
    }

    nonisolated func copyOut(
        _ query: Query,
        _ body: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        try await startCopy(query, wanted: .copyOut)
        do {
            var isOver = false
            while !isOver {
                let batch = try await nextCopyRows()
                for row in batch.rows { try await body(row) }
                isOver = batch.isLast
            }
        } catch {
            await abandonCopyOut()
            throw error
        }
        return try await endCopyOut(query)
    }

    // MARK: The parts

    /// Begins a COPY.
    ///
    /// The connection stays busy until it is ended, whatever happens.
    private func startCopy(_ query: Query, wanted: ResultSet.Status) async throws {
        guard query.parameters.isEmpty else {
            throw PostgresError(.misuse, "COPY takes no parameters").about(query)
        }
        try await exclusively { connection in
            // COPY in pipeline mode never ends, so what is deferred goes first, by itself.
            try await connection.sendDeferredBegin()
            try connection.leavePipelineMode()
            let libpq = try connection.live()
            // With its settings it is one transaction only in a script. And a statement of the extended protocol has a
            // Sync behind it: the end of the COPY sends one more, and a COPY that failed before it read the first has
            // two answers, the second of which would be taken for the next statement's.
            guard libpq.sendScript(connection.withSettings(query.text)) else { throw connection.lost() }
            try await connection.flush()
            var result = try await connection.nextResult()
            // What comes before are the settings.
            while result?.status == .done, let next = try await connection.nextResult() { result = next }
            if result?.status == wanted { return }
            if let result, result.status != .copyIn, result.status != .copyOut {
                try await connection.drain()
                let isFailure = result.status == .failed
                throw isFailure
                    ? result.error.about(query) : PostgresError(.misuse, "is no COPY").about(query)
            }
            throw connection.abort(PostgresError(.misuse, "the COPY goes the other way").about(query))
        }
        isBusy = true
    }

    func putCopyData(_ bytes: [UInt8]) async throws {
        try await cancellably {
            var start = 0
            while start < bytes.count {
                let end = min(start + Self.chunk, bytes.count)
                switch try $0.live().putCopyData(bytes[start..<end]) {
                case 1: start = end
                case 0: try await $0.flush()
                default: throw $0.lost()
                }
                if $0.cancellation != .none { throw PostgresError(.cancelled, "the task was cancelled") }
            }
            try await $0.flush()
        }
    }

    /// Ends a COPY with all its rows, or with none.
    private func endCopyIn(_ query: Query, because complaint: String?) async throws -> Int {
        defer {
            isBusy = false
            publish()
        }
        while true {
            let outcome = try live().putCopyEnd(error: complaint)
            if outcome == 1 { break }
            guard outcome == 0 else { throw lost() }
            try await flush()
        }
        return try await finishCopy(query)
    }

    /// The next rows, as many as are there.
    private func nextCopyRows() async throws -> (rows: [[UInt8]], isLast: Bool) {
        try await cancellably {
            var rows: [[UInt8]] = []
            var size = 0
            while true {
                switch try $0.live().getCopyData() {
                case .row(let row):
                    rows.append(row)
                    size += row.count
                    if size >= Self.chunk { return (rows, false) }
                case .notYet:
                    if !rows.isEmpty { return (rows, false) }
                    try await $0.wait(for: .input)
                case .end: return (rows, true)
                case .failed: throw $0.lost()
                }
            }
        }
    }

    private func endCopyOut(_ query: Query) async throws -> Int {
        defer {
            isBusy = false
            publish()
        }
        return try await cancellably { try await $0.finishCopy(query) }
    }

    /// Stops the server, and throws away what is still on its way.
    private func abandonCopyOut() async {
        cancel(operation)
        while let data = try? live().getCopyData() {
            switch data {
            case .row: continue
            case .notYet: try? await wait(for: .input)
            case .end: _ = try? await drain()
            case .failed: _ = lost()
            }
            if case .end = data { break }
        }
        _ = await settleCancellation()
        isBusy = false
        publish()
    }

    private func finishCopy(_ query: Query) async throws -> Int {
        try await flush()
        var affected = 0
        var complaint: PostgresError?
        while let result = try await nextResult() {
            if result.status == .failed { complaint = result.error.about(query) }
            affected = result.affected
        }
        guard let complaint else { return affected }
        if complaint.code != .server { throw abort(complaint) }
        throw complaint
    }
}
