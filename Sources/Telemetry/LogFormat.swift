/// How a log record is laid out on its line.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `2026-05-01T10:00:00.000Z info worker: claimed count=12`, for people.
    case plain
    /// One JSON object per line, for machines.
    case json
}
