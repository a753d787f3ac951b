internal import Glibc

/// One line of a log, before it is laid out.
struct LogRecord {
    /// Microseconds since 1970, UTC.
    var time: Int64
    var level: LogLevel
    var label: String
    var message: String
    var fields: [(key: String, value: String)]

    static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// The record as bytes that end with the one newline they hold.
    func line(_ format: LogFormat) -> [UInt8] {
        var text: String
        switch format {
        case .plain:
            text = "\(Self.rfc3339(time)) \(level.rawValue) \(label): \(Self.onOneLine(message))"
            for field in fields { text += " \(field.key)=\(Self.plain(field.value))" }
        case .json:
            text = "{\"time\":\"\(Self.rfc3339(time))\",\"level\":\"\(level.rawValue)\""
            text += ",\"label\":\(JSONText.quoted(label)),\"message\":\(JSONText.quoted(message))"
            for field in fields { text += ",\(JSONText.quoted(field.key)):\(JSONText.quoted(field.value))" }
            text += "}"
        }
        text += "\n"
        return Array(text.utf8)
    }

    private static func onOneLine(_ text: String) -> String {
        text.utf8.contains(10) || text.utf8.contains(13)
            ? String(text.map { $0.isNewline ? " " : $0 })
            : text
    }

    private static func plain(_ value: String) -> String {
        let needsQuotes = value.isEmpty || value.utf8.contains { $0 <= 32 || $0 == 34 || $0 == 61 }
        return needsQuotes ? JSONText.quoted(value) : value
    }

    /// An instant as RFC 3339 with milliseconds.
    ///
    /// Source of the calendar: Howard Hinnant, `civil_from_days`.
    static func rfc3339(_ microseconds: Int64) -> String {
        func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
            let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
            return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
        }
        let (days, inDay) = floored(microseconds, by: 86_400_000_000)
        let (era, dayOfEra) = floored(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let milliseconds = inDay / 1000

        func digits(_ value: Int64, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
        let hour = milliseconds / 3_600_000
        let minute = milliseconds / 60_000 % 60
        let second = milliseconds / 1000 % 60
        let time =
            "\(digits(hour, 2)):\(digits(minute, 2)):\(digits(second, 2)).\(digits(milliseconds % 1000, 3))"
        return "\(date)T\(time)Z"
    }
}
