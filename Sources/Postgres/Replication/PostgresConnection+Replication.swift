internal import Reactor

/// What a connection does that was opened to read the server's log.
///
/// Such a connection takes statements by the simple protocol only.
extension PostgresConnection {
    /// How much of the stream is handed over at once, and so how much waits here at most, beside one message.
    private static let chunk = 64 * 1024

    /// Runs one command of replication.
    ///
    /// - Returns: its rows; nil is NULL.
    func command(_ name: StaticString, _ text: String) async throws -> [[String?]] {
        try await exclusively { connection in
            guard try connection.live().sendScript(text) else { throw connection.lost() }
            try await connection.flush()
            var rows: [[String?]] = []
            var complaint: PostgresError?
            while let result = try await connection.nextResult() {
                switch result.status {
                case .rows:
                    for row in 0..<result.rowCount {
                        rows.append((0..<result.columnCount).map { result.text(row: row, column: $0) })
                    }
                case .failed:
                    guard result.error.code == .server else { throw connection.abort(result.error) }
                    complaint = complaint ?? result.error
                case .done, .synchronised, .skipped: break
                case .copyIn, .copyOut, .copyBoth:
                    throw connection.abort(PostgresError(.misuse, "the command begins a stream"))
                }
            }
            if var complaint {
                complaint.statement = "\(name)"
                throw complaint
            }
            return rows
        }
    }

    /// Begins to stream; the connection does nothing else any more.
    func startStream(_ text: String) async throws {
        try await exclusively { connection in
            guard try connection.live().sendScript(text) else { throw connection.lost() }
            try await connection.flush()
            let result = try await connection.nextResult()
            if result?.status == .copyBoth { return }
            guard let result, result.status == .failed else {
                throw connection.abort(PostgresError(.misuse, "the command begins no stream"))
            }
            guard result.error.code == .server else { throw connection.abort(result.error) }
            try await connection.drain()
            var error = result.error
            error.statement = "replication.start"
            throw error
        }
        isBusy = true
        operation += 1
    }

    /// Waits for something of the stream.
    ///
    /// - Returns: what is there; nothing when nothing came in time.
    func nextFrames(within patience: Duration) async throws -> [ReplicationFrame] {
        let ticket = operation
        return try await withTaskCancellationHandler {
            try await frames(within: patience, ticket)
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.stopWaiting(ticket) } }
        }
    }

    private func frames(within patience: Duration, _ ticket: UInt64) async throws -> [ReplicationFrame] {
        let deadline = MonotonicTime.now + patience
        var frames: [ReplicationFrame] = []
        var size = 0
        while true {
            if Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled") }
            switch try live().getCopyData() {
            case .row(let bytes):
                frames.append(try ReplicationFrame.decode(bytes))
                size += bytes.count
                if size >= Self.chunk { return frames }
            case .notYet:
                guard frames.isEmpty, MonotonicTime.now < deadline else { return frames }
                let timer = loop.schedule(after: patience) { [weak self] in
                    self?.assumeIsolated { $0.stopWaiting(ticket) }
                }
                defer { loop.cancel(timer) }
                try await wait(for: .input)
            case .end:
                // What came before its end is still of use.
                if !frames.isEmpty { return frames }
                throw try await streamEnd()
            case .failed: throw lost()
            }
        }
    }

    private func stopWaiting(_ ticket: UInt64) {
        guard operation == ticket, awaited == .input else { return }
        resume()
    }

    /// Why the server has ended the stream; the connection ends with it.
    private func streamEnd() async throws -> PostgresError {
        if let result = try await nextResult(), result.status == .failed { return abort(result.error) }
        return abort(PostgresError(.connection, "the server has ended the stream"))
    }

    /// Tells the server how far we have come.
    func send(_ status: ReplicationStatus) async throws {
        let bytes = status.bytes(at: .now)
        while true {
            switch try live().putCopyData(bytes[...]) {
            case 1: return try await flush()
            case 0: try await flush()
            default: throw lost()
            }
        }
    }
}
