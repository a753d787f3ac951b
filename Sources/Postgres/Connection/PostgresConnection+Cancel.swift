internal import Reactor

/// How far the cancellation of the running operation has come.
enum Cancellation {
    case none
    case requested
    case delivered
}

extension PostgresConnection {
    /// How long a cancelled statement may take to end before the connection is given up.
    private static let patience = Duration.seconds(10)

    /// Asks the server, from a thread of its own, to cancel the operation, if it is still the one under way.
    func cancel(_ ticket: UInt64) {
        guard isBusy, operation == ticket, cancellation == .none, let canceller = libpq?.canceller() else {
            return
        }
        cancellation = .requested
        let loop = loop
        do {
            try Thread.start(name: "pg-cancel") {
                canceller.run()
                loop.execute { self.assumeIsolated { $0.cancellationDelivered(ticket) } }
            }
        } catch {
            return lose("the statement can't be cancelled: \(error)")
        }
        _ = loop.schedule(after: Self.patience) { [weak self] in
            self?.assumeIsolated {
                guard $0.isBusy, $0.operation == ticket, $0.cancellation != .none else { return }
                $0.lose("the server did not cancel the statement in \(Self.patience)")
                $0.cancellationWaiter.take()?.resume()
            }
        }
    }

    private func cancellationDelivered(_ ticket: UInt64) {
        guard operation == ticket, cancellation == .requested else { return }
        cancellation = .delivered
        cancellationWaiter.take()?.resume()
    }

    /// Waits until the request has reached the server, so that it can't hit the next statement.
    ///
    /// - Returns: whether there was one.
    func settleCancellation() async -> Bool {
        if cancellation == .requested, failure == nil {
            await withCheckedContinuation { cancellationWaiter = $0 }
        }
        defer { cancellation = .none }
        return cancellation != .none
    }
}
