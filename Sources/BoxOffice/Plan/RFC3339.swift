/// Instants as JSON has them: `2026-06-12T10:00:00Z`.
///
/// Source: RFC 3339 §5.6.
package enum RFC3339 {
    /// Microseconds since 1970, UTC, or nil when `text` is no such instant.
    ///
    /// An offset is accepted.
    package static func microseconds(_ text: String) -> Int64? {
        var scanner = Scanner(text)
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2),
            scanner.take("-"),
            let day = scanner.digits(2), scanner.take("T") || scanner.take("t") || scanner.take(" "),
            let hour = scanner.digits(2), scanner.take(":"), let minute = scanner.digits(2),
            scanner.take(":"),
            let second = scanner.digits(2),
            (1...12).contains(month), (1...daysIn(month: month, year: year)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction: Int64 = 0
        if scanner.take(".") {
            guard let digits = scanner.fraction() else { return nil }
            fraction = digits
        }
        guard let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        let days = daysSince1970(year: year, month: month, day: day)
        let seconds = days * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset * 60)
        return seconds * 1_000_000 + fraction
    }

    /// The instant in UTC; with six decimals only when it isn't on a whole second.
    package static func string(_ microseconds: Int64) -> String {
        let fraction = Int(microseconds.floorModulo(1_000_000))
        let seconds = (microseconds - Int64(fraction)) / 1_000_000
        let ofDay = Int(seconds.floorModulo(86_400))
        let (year, month, day) = date(daysSince1970: (seconds - Int64(ofDay)) / 86_400)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(ofDay / 3600, 2)):\(padded(ofDay / 60 % 60, 2)):\(padded(ofDay % 60, 2))"
        return "\(date)T\(time)\(fraction == 0 ? "" : ".\(padded(fraction, 6))")Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static func daysIn(month: Int, year: Int) -> Int {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    /// Days of the proleptic Gregorian calendar, with years that begin in March so that a leap day comes last.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    private static func date(daysSince1970 days: Int64) -> (year: Int, month: Int, day: Int) {
        let days = Int(days) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension Int64 {
    /// The remainder that is never negative.
    fileprivate func floorModulo(_ divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}

/// Takes an instant apart, character by character.
private struct Scanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func digit() -> Int? {
        guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
            return nil
        }
        rest.removeFirst()
        return Int(byte - UInt8(ascii: "0"))
    }

    mutating func digits(_ count: Int) -> Int? {
        var number = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// The microseconds after the dot; further digits are dropped.
    mutating func fraction() -> Int64? {
        var (value, unit): (Int64, Int64) = (0, 100_000)
        guard let first = digit() else { return nil }
        value = Int64(first) * unit
        while let digit = digit() {
            unit /= 10
            value += Int64(digit) * unit
        }
        return value
    }

    /// Minutes east of UTC.
    mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let west = take("-")
        guard west || take("+"), let hours = digits(2), take(":"), let minutes = digits(2), hours < 24,
            minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (west ? -1 : 1)
    }
}
