internal import Reactor

extension PostgresConnection {
    /// Runs statements in one round trip and waits for all their results.
    ///
    /// The caller stays where it runs: there is one job for the loop, none if it is the caller's own, and one
    /// resumption. The rest happens when the socket is ready.
    ///
    /// - Parameters:
    ///   - queries: the statements; those not yet prepared are prepared on the way.
    ///   - isCancellable: whether the task's cancellation reaches the server. The end of a transaction must not
    ///     be cut off.
    /// - Returns: the result of each.
    /// - Throws: ``PostgresError`` of the first statement that failed.
    nonisolated func run(_ queries: [Query], isCancellable: Bool = true) async throws -> [ResultSet] {
        guard !queries.isEmpty else { return [] }
        if let plans = configuration.plans {
            return try await run(queries, isCancellable: isCancellable, keepingPlansIn: plans)
        }
        return try await send(queries, isCancellable: isCancellable)
    }

    /// What ``run(_:isCancellable:)`` does, of at least one statement.
    nonisolated func send(_ queries: [Query], isCancellable: Bool) async throws -> [ResultSet] {
        let cancellation = CancellationSwitch()
        guard isCancellable else {
            return try await withCheckedThrowingContinuation { submit(RoundTrip(queries, $0), cancellation) }
        }
        if Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled").about(queries[0]) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { submit(RoundTrip(queries, $0), cancellation) }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancel(cancellation) } }
        }
    }

    private nonisolated func submit(_ trip: RoundTrip, _ cancellation: CancellationSwitch) {
        if loop.isCurrent {
            assumeIsolated { $0.start(trip, cancellation) }
        } else {
            loop.execute { self.assumeIsolated { $0.start(trip, cancellation) } }
        }
    }

    private func start(_ trip: RoundTrip, _ cancellation: CancellationSwitch) {
        var refusal: PostgresError?
        if cancellation.isCancelled { refusal = PostgresError(.cancelled, "the task was cancelled") }
        if isBusy { refusal = PostgresError(.misuse, "the connection is busy with another statement") }
        if libpq == nil { refusal = failure ?? PostgresError(.connection, "the connection is closed") }
        if let refusal { return trip.continuation.resume(throwing: trip.about(refusal)) }
        isBusy = true
        operation += 1
        trip.ticket = operation
        cancellation.trip = trip
        roundTrip = trip
        trip.wasIdle = libpq?.transactionStatus == .idle
        trip.begin = localSettings.following(takeBegin())
        if trip.begin.isEmpty, trip.wasIdle { trip.begin = localSettings.ahead }
        dispatch(trip)
    }

    private func cancel(_ cancellation: CancellationSwitch) {
        cancellation.isCancelled = true
        if let trip = cancellation.trip, trip === roundTrip { cancel(trip.ticket) }
    }

    // MARK: Sending

    private func dispatch(_ trip: RoundTrip) {
        do {
            try enqueue(trip)
            try push()
        } catch {
            _ = lost()
        }
    }

    /// Sends what libpq has buffered, as far as the socket takes it.
    func push() throws {
        switch try live().flush() {
        case 0: try watch(.read)
        case 1: try watch([.read, .write])
        default: throw lost()
        }
    }

    /// Queues everything in libpq, up to the synchronisation point.
    private func enqueue(_ trip: RoundTrip) throws {
        let libpq = try live()
        if !isInPipelineMode {
            guard libpq.enterPipeline() else { throw lost() }
            isInPipelineMode = true
        }
        if trip.isSecondTry, libpq.transactionStatus == .failed { try enqueueAside("ROLLBACK", trip) }
        var onTheWay: [StatementCache.Key: String] = [:]
        for query in trip.begin { try enqueueBegin(query, trip, &onTheWay) }
        if trip.isSecondTry { try enqueueAside("DEALLOCATE ALL", trip) }
        for query in trip.queries { try enqueue(query, isWanted: true, trip, &onTheWay) }
        guard libpq.sendSync() else { throw lost() }
    }

    /// Queues a statement that begins a transaction.
    ///
    /// DEALLOCATE takes a snapshot, after which no isolation level can be set: so none may go ahead of BEGIN, and what
    /// would need one to be prepared goes unnamed.
    private func enqueueBegin(
        _ query: Query,
        _ trip: RoundTrip,
        _ onTheWay: inout [StatementCache.Key: String]
    ) throws {
        let isPrepared = statements.name(for: .init(query)) != nil
        let canBePrepared = isPrepared || statements.hasRoom(for: onTheWay.count + 1)
        guard !configuration.isPooled, trip.isSecondTry || !canBePrepared else {
            return try enqueue(query, isWanted: false, trip, &onTheWay)
        }
        let libpq = try live()
        guard libpq.sendPrepare("", text: query.text, types: []), libpq.sendPrepared("", query) else {
            throw lost()
        }
        trip.steps += [.aside, .query(query, isWanted: false)]
    }

    private func enqueue(
        _ query: Query,
        isWanted: Bool,
        _ trip: RoundTrip,
        _ onTheWay: inout [StatementCache.Key: String]
    ) throws {
        let libpq = try live()
        if configuration.isPooled {
            // The next transaction may have a session that never heard of it, so no statement is kept.
            guard libpq.sendUnprepared(query) else { throw lost() }
            return trip.steps.append(.query(query, isWanted: isWanted))
        }
        let key = StatementCache.Key(query)
        var name = statements.name(for: key) ?? onTheWay[key]
        if name == nil {
            // In a failed transaction nothing can be forgotten; it is made up for later.
            while libpq.transactionStatus != .failed || trip.isSecondTry,
                let evicted = statements.evict(expecting: onTheWay.count + 1)
            {
                try enqueueAside("DEALLOCATE \(evicted.name)", trip)
                trip.steps[trip.steps.count - 1] = .forget(evicted.key, name: evicted.name)
            }
            let fresh = statements.makeName()
            guard libpq.sendPrepare(fresh, text: query.text, types: key.types) else { throw lost() }
            trip.steps.append(.prepare(key, name: fresh, query))
            onTheWay[key] = fresh
            name = fresh
        }
        guard let name, libpq.sendPrepared(name, query) else { throw lost() }
        trip.steps.append(.query(query, isWanted: isWanted))
    }

    /// Queues a statement of our own as the unnamed one, so that it takes no place in the cache.
    private func enqueueAside(_ text: String, _ trip: RoundTrip) throws {
        let libpq = try live()
        guard libpq.sendPrepare("", text: text, types: []), libpq.sendPrepared("", Self.unnamed) else {
            throw lost()
        }
        trip.steps.append(contentsOf: [.aside, .aside])
    }

    private static let unnamed = Query("unnamed", "")

    // MARK: Receiving

    /// Takes the results that are there; called on the loop whenever the socket is ready.
    func advance(_ trip: RoundTrip) {
        do {
            if isWriting { try push() }
            while true {
                let libpq = try live()
                guard !libpq.isBusy else { return }
                guard let result = libpq.nextResult() else {
                    guard trip.awaitsSeparator else { throw lost() }
                    trip.awaitsSeparator = false
                    trip.position += 1
                    continue
                }
                if result.status == .synchronised {
                    // An answer to something else: what follows would be taken for other statements' results.
                    guard trip.position == trip.steps.count else {
                        throw abort(PostgresError(.connection, "out of step"))
                    }
                    return complete(trip)
                }
                try take(result, for: trip)
                trip.awaitsSeparator = true
            }
        } catch {
            // Whatever ended the connection ended the round trip, too.
            if failure == nil { _ = lost() }
        }
    }

    private func take(_ result: ResultSet, for trip: RoundTrip) throws {
        guard trip.position < trip.steps.count else {
            // Past the last step only the server's good-bye can come.
            throw abort(result.status == .failed ? result.error : PostgresError(.connection, "out of step"))
        }
        let step = trip.steps[trip.position]
        switch (result.status, step) {
        case (.done, .prepare(let key, let name, _)):
            statements.insert(key, name: name)
        case (.done, .query(_, isWanted: true)), (.rows, .query(_, isWanted: true)):
            trip.results.append(result)
        case (.skipped, .forget(let key, let name)):
            statements.insert(key, name: name)
        case (.copyIn, _), (.copyOut, _), (.copyBoth, _):
            // There is no way to end a COPY in pipeline mode.
            throw abort(step.about(PostgresError(.misuse, "COPY is for copyIn and copyOut")))
        case (.failed, _):
            let error = step.about(result.error)
            guard error.code == .server else { throw abort(error) }
            if result.isStalePlan, trip.complaint == nil, !configuration.isPooled {
                trip.hasStalePlan = true
                if case .query(let query, _) = step { statements.remove(.init(query)) }
            }
            trip.complaint = trip.complaint ?? error
        default: break
        }
    }

    private func complete(_ trip: RoundTrip) {
        if trip.hasStalePlan, trip.wasIdle, !trip.isSecondTry {
            // The schema changed under a prepared statement, and nothing was done yet: forget them all, once.
            statements = statements.emptied()
            trip.isSecondTry = true
            trip.hasStalePlan = false
            trip.complaint = nil
            trip.steps = []
            trip.position = 0
            trip.results = []
            return dispatch(trip)
        }
        if let complaint = trip.complaint {
            finish(trip, .failure(complaint))
        } else {
            finish(trip, .success(trip.results))
        }
    }

    /// Hands the outcome to the caller, as soon as no cancellation is on its way that could hit the next statement.
    func finish(_ trip: RoundTrip, _ outcome: Result<[ResultSet], PostgresError>) {
        guard trip === roundTrip else { return }
        if cancellation == .requested, failure == nil {
            trip.outcome = outcome
            return
        }
        let wasCancelled = cancellation != .none
        cancellation = .none
        roundTrip = nil
        isBusy = false
        publish()
        switch outcome {
        case .success(let results): trip.continuation.resume(returning: results)
        case .failure(let error):
            trip.continuation.resume(throwing: wasCancelled ? cancelled(error) : error)
        }
    }

    /// What an error means when the task was cancelled.
    func cancelled(_ error: PostgresError) -> PostgresError {
        guard error.sqlState == .queryCanceled || failure != nil else { return error }
        var cancelled = error
        cancelled.code = .cancelled
        return cancelled
    }
}
