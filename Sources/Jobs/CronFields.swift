/// The fields of a cron expression, and the times on a clock that never changes which they name.
struct CronFields: Sendable, Hashable {
    private struct Field {
        let name: String
        let range: ClosedRange<Int>
        var words: [String] = []
    }

    private static let kinds = [
        Field(name: "second", range: 0...59), Field(name: "minute", range: 0...59),
        Field(name: "hour", range: 0...23), Field(name: "day of month", range: 1...31),
        Field(
            name: "month",
            range: 1...12,
            words: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        ),
        Field(name: "day of week", range: 0...7, words: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
    ]

    private static let shorthands = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    private let seconds, minutes, hours, days, months, weekdays: UInt64
    /// Whether one of the days may be any: then both must fit, else either.
    private let bothDays: Bool

    /// Whether it runs in every hour.
    var isHourly: Bool { hours == (1 << 24) - 1 }

    init(_ text: String) throws {
        func refuse(_ why: String) -> JobsError {
            JobsError(code: .invalidSchedule, message: "cron \"\(text)\": \(why)")
        }
        var expression = text
        if text.hasPrefix("@") {
            guard let known = Self.shorthands[text.lowercased()] else {
                throw refuse("only \(Self.shorthands.keys.sorted().joined(separator: ", ")) begin with @")
            }
            expression = known
        }
        var parts = expression.split(whereSeparator: \.isWhitespace).map(String.init)
        if parts.count == 5 { parts.insert("0", at: 0) }
        guard parts.count == 6 else {
            throw refuse("it has \(parts.count) fields; 5 are wanted, or 6 with seconds in front")
        }
        var sets: [UInt64] = []
        for (part, kind) in zip(parts, Self.kinds) {
            do {
                sets.append(try Self.read(part, kind))
            } catch let problem as Problem {
                throw refuse(problem.text)
            }
        }
        (seconds, minutes, hours, days, months) = (sets[0], sets[1], sets[2], sets[3], sets[4])
        // Sunday is 0 and 7.
        weekdays = (sets[5] | sets[5] >> 7) & 0x7F
        bothDays = parts[3].first == "*" || parts[3] == "?" || parts[5].first == "*" || parts[5] == "?"
    }

    private struct Problem: Error { let text: String }

    private static func read(_ part: String, _ kind: Field) throws -> UInt64 {
        let takes =
            "\(kind.name) takes \(kind.range.lowerBound) to \(kind.range.upperBound)"
            + (kind.words.isEmpty ? "" : " or \(kind.words[0]) to \(kind.words[kind.words.count - 1])")
        func number(_ text: Substring) throws -> Int {
            if let index = kind.words.firstIndex(of: text.uppercased()) {
                return index + kind.range.lowerBound % 7
            }
            guard let value = Int(text), kind.range.contains(value), text.allSatisfy(\.isNumber) else {
                throw Problem(text: "\(takes), not \(text.isEmpty ? "nothing" : String(text))")
            }
            return value
        }
        var set: UInt64 = 0
        for item in part.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            var step = 1
            if halves.count == 2 {
                guard let given = Int(halves[1]), given >= 1 else {
                    throw Problem(text: "\(kind.name): a step is a number from 1 on, not \(halves[1])")
                }
                step = given
            }
            let low: Int
            let high: Int
            if halves[0] == "*" || halves[0] == "?" {
                (low, high) = (kind.range.lowerBound, kind.name == "day of week" ? 6 : kind.range.upperBound)
            } else {
                let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
                low = try number(ends[0])
                high = ends.count == 2 ? try number(ends[1]) : halves.count == 2 ? kind.range.upperBound : low
                guard low <= high else { throw Problem(text: "\(kind.name): \(halves[0]) runs backwards") }
            }
            for value in stride(from: low, through: high, by: step) { set |= 1 << UInt64(value) }
        }
        return set
    }

    // MARK: The next time

    /// The first second after another, both counted as if in UTC; nil if there is none in fifty years.
    func next(after second: Int64) -> Int64? {
        let start = second + 1
        let first = Int64((Double(start) / 86_400).rounded(.down))
        for day in first..<(first + 366 * 50) where includes(day: day) {
            if let time = time(from: day == first ? Int(start - first * 86_400) : 0) {
                return day * 86_400 + Int64(time)
            }
        }
        return nil
    }

    private func includes(day: Int64) -> Bool {
        let date = Self.civil(day)
        guard months & 1 << UInt64(date.month) != 0 else { return false }
        // 1970-01-01 was a Thursday.
        let weekday = UInt64(((day + 4) % 7 + 7) % 7)
        let (isDay, isWeekday) = (days & 1 << UInt64(date.day) != 0, weekdays & 1 << weekday != 0)
        return bothDays ? isDay && isWeekday : isDay || isWeekday
    }

    /// The first second of a day from one on.
    private func time(from start: Int) -> Int? {
        for hour in (start / 3600)..<24 where hours & 1 << UInt64(hour) != 0 {
            let isFirstHour = hour == start / 3600
            for minute in (isFirstHour ? start / 60 % 60 : 0)..<60 where minutes & 1 << UInt64(minute) != 0 {
                let isFirst = isFirstHour && minute == start / 60 % 60
                for second in (isFirst ? start % 60 : 0)..<60 where seconds & 1 << UInt64(second) != 0 {
                    return hour * 3600 + minute * 60 + second
                }
            }
        }
        return nil
    }

    /// The month and day of a day since 1970.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    private static func civil(_ day: Int64) -> (month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        return (month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}
