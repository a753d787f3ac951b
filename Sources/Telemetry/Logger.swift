internal import Glibc
internal import Reactor

/// Writes log records to standard error, one line each, from any thread.
///
/// For example:
/// ```swift
/// let log = Logger(label: "worker")
/// log.info("claimed", ["queue": "default", "count": 12])
/// ```
/// A record is one `write`, so lines of several threads and processes never mix. Payloads don't belong in a log.
public struct Logger: Sendable {
    /// The values of a record's fields, in the order they were written.
    public typealias Fields = KeyValuePairs<String, any CustomStringConvertible & Sendable>

    private struct Defaults {
        var level = LogLevel.info
        var format = LogFormat.plain
    }

    private static let defaults = Lock(Defaults())

    /// Who speaks; the start of every line.
    public let label: String
    /// The least important level that is written.
    public var level: LogLevel
    /// How lines are laid out.
    public var format: LogFormat
    private let sink: @Sendable ([UInt8]) -> Void

    /// Makes a logger.
    ///
    /// - Parameters:
    ///   - label: who speaks.
    ///   - level: the least important level that is written; by default what ``configure(level:format:)`` set.
    ///   - format: how lines are laid out; by default what ``configure(level:format:)`` set.
    public init(label: String, level: LogLevel? = nil, format: LogFormat? = nil) {
        self.init(label: label, level: level, format: format, sink: Self.writeToStandardError)
    }

    /// Makes a logger whose lines go to `sink`.
    package init(
        label: String,
        level: LogLevel? = nil,
        format: LogFormat? = nil,
        sink: @escaping @Sendable ([UInt8]) -> Void
    ) {
        let defaults = Self.defaults.withLock { $0 }
        self.label = label
        self.level = level ?? defaults.level
        self.format = format ?? defaults.format
        self.sink = sink
    }

    /// Sets what loggers made from now on use when they are not told otherwise.
    public static func configure(level: LogLevel, format: LogFormat) {
        defaults.withLock { $0 = Defaults(level: level, format: format) }
    }

    /// Writes a record at `trace`.
    public func trace(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.trace, message(), fields())
    }

    /// Writes a record at `debug`.
    public func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.debug, message(), fields())
    }

    /// Writes a record at `info`.
    public func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.info, message(), fields())
    }

    /// Writes a record at `warning`.
    public func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.warning, message(), fields())
    }

    /// Writes a record at `error`.
    public func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = [:]) {
        log(.error, message(), fields())
    }

    /// Writes a record, if its level is written at all; otherwise neither message nor fields are built.
    public func log(
        _ level: LogLevel,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> Fields = [:]
    ) {
        guard level >= self.level else { return }
        let record = LogRecord(
            time: LogRecord.now(),
            level: level,
            label: label,
            message: message(),
            fields: fields().map { ($0.key, String(describing: $0.value)) }
        )
        sink(record.line(format))
    }

    @Sendable private static func writeToStandardError(_ line: [UInt8]) {
        var start = 0
        while start < line.count {
            let written = unsafe line[start...].withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
            // A log that can't be written is given up: there is nowhere left to say so.
            guard written > 0 || errno == EINTR else { return }
            start += max(0, written)
        }
    }
}
