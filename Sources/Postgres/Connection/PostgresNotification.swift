/// What somebody said with `NOTIFY`.
public struct PostgresNotification: Sendable, Hashable {
    /// The channel it was said on.
    public let channel: String
    /// What was said; may be empty.
    public let payload: String

    /// Makes a notification.
    public init(channel: String, payload: String) {
        self.channel = channel
        self.payload = payload
    }
}
