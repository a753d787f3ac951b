/// What the server sends while it streams its log.
///
/// Source: PostgreSQL 15, "Streaming Replication Protocol", START_REPLICATION.
package enum ReplicationFrame: Sendable, Hashable {
    /// A piece of the log, as the slot's plugin writes it: for `pgoutput` one message.
    case data(start: LSN, end: LSN, [UInt8])
    /// How far the server has come; it may want to hear at once how far we have.
    case keepalive(end: LSN, sentAt: PostgresTimestamp, wantsReply: Bool)

    /// Reads one frame.
    ///
    /// - Throws: ``PostgresError`` with code `connection`: the two are out of step.
    static func decode(_ bytes: [UInt8]) throws -> Self {
        let span = bytes.span
        switch bytes.first {
        case UInt8(ascii: "w") where bytes.count >= 25:
            return .data(
                start: LSN(rawValue: span.bigEndian(UInt64.self, at: 1)),
                end: LSN(rawValue: span.bigEndian(UInt64.self, at: 9)),
                Array(bytes[25...])
            )
        case UInt8(ascii: "k") where bytes.count == 18 && bytes[17] <= 1:
            let sentAt = span.bigEndian(Int64.self, at: 9)
            return .keepalive(
                end: LSN(rawValue: span.bigEndian(UInt64.self, at: 1)),
                sentAt: PostgresTimestamp(microseconds: sentAt &+ PostgresTimestamp.epochOffset),
                wantsReply: bytes[17] == 1
            )
        default:
            let kind = bytes.first.map { "\($0)" } ?? "none"
            throw PostgresError(
                .connection,
                "the server's stream has a frame of kind \(kind) and \(bytes.count) bytes, which can't be"
            )
        }
    }
}

/// How far a reader of the log has come, for the server to hear.
package struct ReplicationStatus: Sendable, Hashable {
    /// What has been received.
    package var received: LSN
    /// What need not be sent again: the server forgets what it kept before.
    package var confirmed: LSN
    /// Whether the server is to say at once how far it has come.
    package var wantsReply: Bool

    /// Makes a status.
    package init(received: LSN, confirmed: LSN, wantsReply: Bool = false) {
        self.received = received
        self.confirmed = confirmed
        self.wantsReply = wantsReply
    }

    /// The bytes of a standby status update.
    func bytes(at now: PostgresTimestamp) -> [UInt8] {
        var bytes = [UInt8(ascii: "r")]
        bytes.appendBigEndian(max(received, confirmed).rawValue)
        bytes.appendBigEndian(confirmed.rawValue)
        bytes.appendBigEndian(confirmed.rawValue)
        bytes.appendBigEndian(now.microseconds &- PostgresTimestamp.epochOffset)
        bytes.append(wantsReply ? 1 : 0)
        return bytes
    }
}
