internal import Reactor

/// How far the cancellation of the running operation has come.
enum Cancellation {
    case none
    /// The request is on its way, on a thread of its own.
    case requested
    /// The server has it.
    case delivered
}

extension PostgresConnection {
    /// How long a cancelled statement may take to end before the connection is given up.
    private static let patience = Duration.seconds(10)
    /// A request that overtakes its statement does nothing, so it is repeated.
    private static let repetition = Duration.milliseconds(200)

    /// Asks the server to cancel the operation, if it is still the one under way.
    func cancel(_ ticket: UInt64) {
        guard isBusy, operation == ticket, cancellation == .none else { return }
        requestCancellation(ticket)
        _ = loop.schedule(after: Self.patience) { [weak self] in
            self?.assumeIsolated {
                guard $0.isBusy, $0.operation == ticket, $0.cancellation != .none else { return }
                $0.lose("the server did not cancel the statement in \(Self.patience)")
                $0.cancellationWaiter.take()?.resume()
            }
        }
    }

    private func requestCancellation(_ ticket: UInt64) {
        // PQcancel connects and waits for the answer, so it may block.
        guard let canceller = libpq?.canceller() else { return }
        cancellation = .requested
        let loop = loop
        do {
            try Thread.start(name: "pg-cancel") {
                canceller.run()
                loop.execute { self.assumeIsolated { $0.cancellationDelivered(ticket) } }
            }
        } catch {
            cancellation = .delivered
            lose("the statement can't be cancelled: \(error)")
        }
    }

    private func cancellationDelivered(_ ticket: UInt64) {
        guard operation == ticket, cancellation == .requested else { return }
        cancellation = .delivered
        if let waiter = cancellationWaiter.take() { return waiter.resume() }
        if let roundTrip, let outcome = roundTrip.outcome { return finish(roundTrip, outcome) }
        _ = loop.schedule(after: Self.repetition) { [weak self] in
            self?.assumeIsolated {
                guard $0.isBusy, $0.operation == ticket, $0.cancellation == .delivered else { return }
                $0.requestCancellation(ticket)
            }
        }
    }

    /// Waits until the request has reached the server, so that it can't hit the next statement.
    ///
    /// - Returns: whether there was one.
    func settleCancellation() async -> Bool {
        if cancellation == .requested, failure == nil {
            await withCheckedContinuation { continuation in
                if cancellation == .requested {
                    cancellationWaiter = continuation
                } else {
                    continuation.resume()
                }
            }
        }
        defer { cancellation = .none }
        return cancellation != .none
    }
}
