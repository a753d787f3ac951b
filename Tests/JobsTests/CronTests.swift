import Jobs
import Postgres
import Testing

/// Cron expressions on clocks that change.
@Suite struct CronTests {
    private func times(
        _ text: String,
        _ zone: String = "UTC",
        from start: String,
        _ count: Int
    ) throws -> [String] {
        let cron = try CronExpression(text, timeZone: zone)
        var instant = try #require(PostgresTimestamp(rfc3339: start))
        return (0..<count).map { _ in
            instant = cron.next(after: instant)
            return "\(instant)".replacing("T", with: " ").replacing(":00Z", with: "").replacing("Z", with: "")
        }
    }

    @Test(arguments: [
        ("*/20 * * * *", ["2026-03-01 00:20", "2026-03-01 00:40", "2026-03-01 01:00"]),
        ("30 8 * * MON-FRI", ["2026-03-02 08:30", "2026-03-03 08:30", "2026-03-04 08:30"]),
        ("0 0 1 jan,Jul *", ["2026-07-01 00:00", "2027-01-01 00:00", "2027-07-01 00:00"]),
        ("5/25 1-3/2 * * *", ["2026-03-01 01:05", "2026-03-01 01:30", "2026-03-01 01:55"]),
        ("0 0 13 * 5", ["2026-03-06 00:00", "2026-03-13 00:00", "2026-03-20 00:00"]),
        ("0 0 * * 7", ["2026-03-08 00:00", "2026-03-15 00:00", "2026-03-22 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("15,45 30 12 * * *", ["2026-03-01 12:30:15", "2026-03-01 12:30:45", "2026-03-02 12:30:15"]),
        ("@hourly", ["2026-03-01 01:00", "2026-03-01 02:00", "2026-03-01 03:00"]),
        ("@weekly", ["2026-03-08 00:00", "2026-03-15 00:00", "2026-03-22 00:00"]),
    ])
    func `An expression names its times`(text: String, expected: [String]) throws {
        #expect(try times(text, from: "2026-03-01T00:00:00Z", 3) == expected)
    }

    @Test func `A time that the clocks skip is made up as they jump`() throws {
        // New York: 2026-03-08 02:00 becomes 03:00, which is 07:00 UTC.
        let eve = "2026-03-08T05:00:00Z"
        #expect(
            try times("30 2 * * *", "America/New_York", from: eve, 2) == [
                "2026-03-08 07:00", "2026-03-09 06:30",
            ]
        )
        #expect(
            try times("*/20 2 * * *", "America/New_York", from: eve, 2) == [
                "2026-03-08 07:00", "2026-03-09 06:00",
            ]
        )
        #expect(
            try times("30 * * * *", "America/New_York", from: eve, 3)
                == ["2026-03-08 05:30", "2026-03-08 06:30", "2026-03-08 07:30"]
        )
    }

    @Test func `Of a time that the clocks repeat the first counts, unless it is every hour`() throws {
        // Helsinki: 2026-10-25 04:00 becomes 03:00, which is 01:00 UTC.
        let eve = "2026-10-25T00:00:00Z"
        #expect(
            try times("30 3 * * *", "Europe/Helsinki", from: eve, 2) == [
                "2026-10-25 00:30", "2026-10-26 01:30",
            ]
        )
        #expect(
            try times("30 3,4 * * *", "Europe/Helsinki", from: eve, 3)
                == ["2026-10-25 00:30", "2026-10-25 02:30", "2026-10-26 01:30"]
        )
        #expect(
            try times("15 * * * *", "Europe/Helsinki", from: eve, 4)
                == ["2026-10-25 00:15", "2026-10-25 01:15", "2026-10-25 02:15", "2026-10-25 03:15"]
        )
        #expect(
            try times("*/30 * * * *", "Australia/Lord_Howe", from: "2026-04-04T14:00:00Z", 4)
                == ["2026-04-04 14:30", "2026-04-04 15:00", "2026-04-04 15:30", "2026-04-04 16:00"],
            "clocks that change by half an hour"
        )
    }

    @Test func `A zone's rule holds for years, whatever the clocks do`() throws {
        for zone in ["Europe/Berlin", "America/St_Johns", "Pacific/Auckland", "Asia/Kathmandu"] {
            let daily = try CronExpression("0 9 * * *", timeZone: zone)
            var instant = try #require(PostgresTimestamp(rfc3339: "2025-01-01T00:00:00Z"))
            var count = 0
            let end = try #require(PostgresTimestamp(rfc3339: "2029-01-01T00:00:00Z"))
            while true {
                let next = daily.next(after: instant)
                guard next < end else { break }
                let hours = (next - instant) / .seconds(3600)
                #expect(count == 0 || (22.9...25.1).contains(hours), "\(zone): \(instant) to \(next)")
                instant = next
                count += 1
            }
            #expect((1460...1462).contains(count), "\(zone)")
        }
    }

    @Test(arguments: [
        ("61 * * * *", "cron \"61 * * * *\": minute takes 0 to 59, not 61"),
        ("* * * *", "cron \"* * * *\": it has 4 fields; 5 are wanted, or 6 with seconds in front"),
        ("0 0 * MOO *", "cron \"0 0 * MOO *\": month takes 1 to 12 or JAN to DEC, not MOO"),
        ("0 0 * * FRI-MON", "cron \"0 0 * * FRI-MON\": day of week: FRI-MON runs backwards"),
        ("*/0 * * * *", "cron \"*/0 * * * *\": minute: a step is a number from 1 on, not 0"),
        ("0 0 , * *", "cron \"0 0 , * *\": day of month takes 1 to 31, not nothing"),
        ("0 0 30 2 *", "cron \"0 0 30 2 *\" names a day that never comes"),
        (
            "@often",
            "cron \"@often\": only @annually, @daily, @hourly, @midnight, @monthly, @weekly, @yearly begin with @"
        ),
    ])
    func `A bad expression is told in a line`(text: String, message: String) {
        #expect(throws: JobsError(code: .invalidSchedule, message: message)) { try CronExpression(text) }
    }

    @Test func `A time zone that is none is told in a line`() {
        let message = "there is no time zone Mars/Olympus; IANA names such as Europe/Helsinki are understood"
        #expect(throws: JobsError(code: .invalidSchedule, message: message)) {
            try CronExpression("@daily", timeZone: "Mars/Olympus")
        }
    }
}
