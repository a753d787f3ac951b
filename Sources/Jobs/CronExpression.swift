internal import Foundation
public import Postgres

/// Instants by the clock on the wall, in a time zone: `30 8 * * MON-FRI`.
///
/// Five fields (minute, hour, day of the month, month, day of the week) or six, with seconds in front. A field is `*`, a
/// number, a range `8-18`, a list `1,15`, each with a step `/2` if wanted; months and weekdays have their English
/// names, too, and Sunday is 0 or 7. When both days are restricted, either will do. `@hourly`, `@daily`, `@midnight`,
/// `@weekly`, `@monthly`, `@yearly` and `@annually` are what they say.
///
/// **When clocks change.** What runs in every hour goes by elapsed time: nothing is skipped or doubled. Everything else
/// runs once for each time it names: a time that the clocks skip is made up in the instant they jump, and of a time
/// that they repeat the first counts.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
    /// The expression as it was written.
    public let text: String
    /// The IANA name of its time zone.
    public let timeZone: String
    private let zone: TimeZone
    private let fields: CronFields

    /// Reads an expression.
    ///
    /// - Throws: ``JobsError`` (`invalidSchedule`) that names the field and what it takes.
    public init(_ text: String, timeZone: String = "UTC") throws {
        guard let zone = TimeZone(identifier: timeZone) else {
            throw JobsError(
                code: .invalidSchedule,
                message:
                    "there is no time zone \(timeZone); IANA names such as Europe/Helsinki are understood"
            )
        }
        self.text = text
        self.timeZone = timeZone
        self.zone = zone
        fields = try CronFields(text)
        guard fields.next(after: 0) != nil else {
            throw JobsError(code: .invalidSchedule, message: "cron \"\(text)\" names a day that never comes")
        }
    }

    /// The expression and its time zone.
    public var description: String { "\(text) \(timeZone)" }

    /// The first instant after another.
    public func next(after instant: PostgresTimestamp) -> PostgresTimestamp {
        let second = Int64(
            (Double(instant.microseconds) / 1_000_000).rounded(.down)
        )
        let next = fields.isHourly ? nextElapsed(after: second) : nextOnTheWall(after: second)
        return PostgresTimestamp(microseconds: next * 1_000_000)
    }

    // MARK: Clocks that change

    /// As the clock on the wall goes, repeats included.
    private func nextElapsed(after second: Int64) -> Int64 {
        var (second, shift) = (second, offset(second))
        while let local = fields.next(after: second + shift) {
            let found = local - shift
            if offset(found) == shift { return found }
            // The clocks change before: look on from there, under the new time.
            let change = self.change(from: second, through: found)
            (second, shift) = (change - 1, offset(change))
        }
        return .max / 1_000_000
    }

    /// Each time on the wall once.
    private func nextOnTheWall(after second: Int64) -> Int64 {
        var local = second + offset(second)
        while let next = fields.next(after: local) {
            let found = instant(of: next)
            if found > second { return found }
            local = next
        }
        return .max / 1_000_000
    }

    /// The first instant at which clocks show a time, or the one at which they skip it.
    private func instant(of local: Int64) -> Int64 {
        let (before, after) = (offset(local - 86_400), offset(local + 86_400))
        for shift in [max(before, after), min(before, after)] where offset(local - shift) == shift {
            return local - shift
        }
        return change(from: local - 86_400, through: local + 86_400)
    }

    /// The instant at which the offset stops being what it was at `first`.
    private func change(from first: Int64, through last: Int64) -> Int64 {
        let shift = offset(first)
        var (low, high) = (first, last)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(middle) == shift { low = middle } else { high = middle }
        }
        return high
    }

    private func offset(_ second: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))))
    }
}
