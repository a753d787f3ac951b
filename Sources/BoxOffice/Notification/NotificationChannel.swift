package import Telemetry

/// A message on its way to somebody.
package struct OutgoingMessage: Sendable, Hashable, Codable {
    /// The notification's number, the same in each attempt: the receiver can drop repetitions by it.
    package var id: Int64
    /// What is told, such as `sold`.
    package var kind: String
    package var recipient: String
    /// A JSON object.
    package var payload: String
}

/// A way to reach people or machines.
package protocol NotificationChannel: Sendable {
    /// Hands a message over.
    ///
    /// - Throws: when it was not taken; it is then tried again.
    func deliver(_ message: OutgoingMessage) async throws
}

/// Writes each message to the log: for set-ups without a channel of their own.
package struct LogChannel: NotificationChannel {
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    package func deliver(_ message: OutgoingMessage) async throws {
        logger.info(
            "notification",
            ["id": message.id, "kind": message.kind, "recipient": message.recipient]
        )
    }
}
