/// Facts of what people were told, without saying whom.
enum NotificationFacts {
    /// A provider took it.
    ///
    /// Written by `notifications.settle`.
    static let sent = "notification.sent"
    /// Nobody would take it.
    ///
    /// Written by `notifications.settle`.
    static let failed = "notification.failed"
}
