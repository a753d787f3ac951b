internal import Reactor

extension PostgresConnection {
    /// Waits for the next notification on a connection that does nothing else.
    ///
    /// - Returns: the notification.
    /// - Throws: ``PostgresError`` when the connection is lost or the task is cancelled.
    func nextNotification() async throws -> PostgresNotification {
        while notifications.isEmpty {
            try await withTaskCancellationHandler {
                try await wait(for: .notification)
            } onCancel: {
                loop.execute { self.assumeIsolated { $0.stopListening() } }
            }
        }
        return notifications.removeFirst()
    }

    private func stopListening() {
        if awaited == .notification { resume() }
    }
}
