internal import Glibc
internal import Postgres
internal import Reactor
internal import Telemetry

/// One connection's worth of a capture: the stream is read, facts are told and the slot is watched beside each other, so
/// that a slow sink keeps neither the server waiting nor the disk unwatched.
final class CaptureSession: Sendable {
    /// How often the slot and the cursor are looked at.
    private static let watch = Duration.seconds(2)
    /// The longest that the server doesn't hear from us; it gives up after `wal_sender_timeout`, a minute by default.
    private static let heartbeat = Duration.seconds(5)
    /// How often is asked whether numbers have become final.
    private static let asking = Duration.milliseconds(20)
    /// After so many times in which the stream got nowhere the server's log is pushed.
    private static let patience = 15

    private let capture: FactCapture
    private let stream: ReplicationConnection
    private let cursor: CaptureCursor
    private let log: FactLog
    private let order: Lock<FactOrder>
    private let heard: AsyncStream<Void>
    private let tellHeard: AsyncStream<Void>.Continuation

    private init(_ capture: FactCapture, _ stream: ReplicationConnection, _ cursor: CaptureCursor) {
        self.capture = capture
        self.stream = stream
        self.cursor = cursor
        log = FactLog(postgres: capture.postgres)
        order = Lock(FactOrder(told: cursor.position, mostBytes: capture.settings.windowBytes))
        (heard, tellHeard) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Captures until something breaks.
    static func run(_ capture: FactCapture) async throws {
        let postgres = capture.postgres
        let stream = try await ReplicationConnection(postgres.configuration, on: postgres.loops.next())
        defer { stream.close() }
        // A slot has one reader, so whoever reads may take the cursor.
        try await stream.start(capture.slot.name, publications: [capture.slot.publication])
        let holder = "\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let cursor = try await CaptureCursor.claim(capture.settings.name, holder: holder, in: postgres)
        let session = CaptureSession(capture, stream, cursor)
        capture.report { $0.told = cursor.position }
        capture.logger.debug("captures", ["slot": capture.slot.name, "told": cursor.position])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await session.read() }
            group.addTask { try await session.tell() }
            group.addTask { try await session.guardSlot() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    // MARK: The stream

    private func read() async throws {
        var relations: [UInt32: FactRelation] = [:]
        var last = ReplicationStatus(received: .none, confirmed: .none)
        var saidAt = MonotonicTime.now
        while true {
            var wantsReply = false
            let frames = try await stream.next(within: .seconds(1))
            for frame in frames {
                switch frame {
                case .data(_, _, let bytes):
                    do {
                        try take(try PgOutputDecoder.decode(bytes), &relations)
                    } catch let fault as PgOutputFault {
                        throw CaptureProblem.unreadable("\(fault)")
                    }
                case .keepalive(let end, _, let wants):
                    order.withLock { $0.pass(end) }
                    wantsReply = wantsReply || wants
                }
            }
            if !frames.isEmpty { tellHeard.yield() }
            let status = order.withLock {
                ReplicationStatus(received: $0.position, confirmed: $0.confirmed)
            }
            guard status != last || wantsReply || MonotonicTime.now >= saidAt + Self.heartbeat else {
                continue
            }
            try await stream.tell(status)
            last = status
            saidAt = .now
        }
    }

    private func take(_ message: PgOutputMessage, _ relations: inout [UInt32: FactRelation]) throws {
        switch message {
        case .relation(let relation):
            relations[relation.id] = try FactRelation(relation, schema: capture.schema)
        case .insert(let id, let values):
            guard let relation = relations[id] else {
                throw CaptureProblem.unreadable(
                    "the stream has a row of the table \(id), which it never described"
                )
            }
            let fact = try relation.fact(values)
            order.withLock { $0.take(fact) }
        case .commit(let commit):
            order.withLock { $0.commit(end: commit.end, at: commit.committedAt) }
        case .begin, .origin, .type, .update, .delete, .truncate, .message: break
        }
    }

    // MARK: Telling

    private func tell() async throws {
        var sounds = heard.makeAsyncIterator()
        var waits = 0
        while true {
            try Task.checkCancellation()
            let step = order.withLock { $0.next() }
            if case .hear = step {} else { waits = 0 }
            switch step {
            case .wait:
                if await sounds.next() == nil { throw CancellationError() }
            case .ask:
                let (sample, place) = try await log.sampleWithPlace()
                order.withLock { $0.take(sample, at: place) }
                if case .ask = order.withLock({ $0.next() }) { try await Task.sleep(for: Self.asking) }
            case .hear:
                waits += 1
                if waits % Self.patience == 0 { try await push() }
                try await Task.sleep(for: Self.asking)
            case .read(let position, let last):
                let limit = capture.settings.batch
                let facts = try await log.page(after: position, through: last, limit: limit)
                try await pass(facts, through: facts.count < limit ? last : facts[limit - 1].seq)
            case .tell(let facts, let last):
                var rest = facts[...]
                repeat {
                    let batch = Array(rest.prefix(capture.settings.batch))
                    rest = rest.dropFirst(batch.count)
                    try await pass(batch, through: rest.isEmpty ? last : batch.last?.seq ?? last)
                } while !rest.isEmpty
            }
        }
    }

    /// Passes facts on, and remembers that.
    private func pass(_ facts: [Fact], through seq: Int64) async throws {
        if !facts.isEmpty { try await capture.sink.tell(facts) }
        try await cursor.move(to: seq)
        order.withLock { $0.told(through: seq) }
        capture.report {
            $0.told = seq
            $0.count += Int64(facts.count)
        }
    }

    /// Has the server write its log out: what was committed without waiting for the disk is not sent before.
    private func push() async throws {
        try await capture.postgres.execute(
            Query("capture.push", "SELECT pg_logical_emit_message(true, 'usher', '')")
        )
    }

    // MARK: Watching

    /// Watches what the server keeps for us, and whether we are still meant.
    ///
    /// It also notices a server that wants to stop: that waits for us until the stream is given up.
    private func guardSlot() async throws {
        while true {
            try await cursor.renew()
            guard let state = try await capture.slot.state() else {
                throw CaptureProblem.slotMissing(capture.slot.name, told: capture.report.told)
            }
            let oldest = order.withLock { $0.oldest }
            let behind = oldest.map { max(.zero, PostgresTimestamp.now - $0) } ?? .zero
            capture.report {
                $0.retained = state.retained
                $0.behindBytes = state.behind
                $0.behind = behind
            }
            if let most = capture.settings.mostRetained, state.retained > most {
                throw CaptureProblem.tooMuchRetained(
                    capture.slot.name,
                    bytes: state.retained,
                    most: most,
                    told: capture.report.told
                )
            }
            try await Task.sleep(for: Self.watch)
        }
    }
}

extension FactLog {
    /// The same as ``sample()``, and how long the server's log was after that was seen.
    func sampleWithPlace() async throws -> (FactHorizon.Sample, LSN) {
        let row = try await postgres.query(
            Query(
                "capture.horizon",
                """
                WITH h AS MATERIALIZED (SELECT given, coming, oldest FROM facts_horizon())
                SELECT h.given, h.coming, h.oldest, pg_current_wal_insert_lsn()::text FROM h
                """
            )
        )[0]
        let place: String = try row[3]
        guard let place = LSN(place) else {
            throw CaptureProblem.unreadable("\(place) is no place in the log")
        }
        return (FactHorizon.Sample(given: try row[0], coming: try row[1], oldest: try row[2]), place)
    }
}
