import Postgres
import Testing

@Suite("Instants", .timeLimit(.minutes(5)))
struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_795_374_000_500_000, "2026-11-22T19:00:00.5Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00Z"),
        (4_107_542_399_000_000, "2100-02-28T23:59:59Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
    ])
    func `an instant and its text are the same`(microseconds: Int64, text: String) {
        #expect(PostgresTimestamp(microseconds: microseconds).description == text)
        #expect(PostgresTimestamp(rfc3339: text)?.microseconds == microseconds)
    }

    @Test func `offsets, lower case and long fractions are read`() {
        let expected = PostgresTimestamp(rfc3339: "2026-11-22T19:00:00.123456Z")
        #expect(expected != nil)
        for text in [
            "2026-11-22T20:30:00.1234569+01:30", "2026-11-22t19:00:00.123456z",
            "2026-11-21 23:00:00.123456-20:00",
        ] {
            #expect(PostgresTimestamp(rfc3339: text) == expected)
        }
    }

    @Test(arguments: [
        "", "2026", "2026-11-22", "2026-11-22T19:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z", "2026-11-22T19:60:00Z", "2026-11-22T19:00:60Z", "2026-11-22T19:00:00.Z",
        "2026-11-22T19:00:00+1:00", "2026-11-22T19:00:00Zx", "2026-1-22T19:00:00Z",
        "2026-11-22T19:00:00+25:00",
    ])
    func `what is no instant is refused`(text: String) {
        #expect(PostgresTimestamp(rfc3339: text) == nil)
    }

    @Test func `arithmetic and order are those of the microseconds`() {
        let instant = PostgresTimestamp(microseconds: 1_000_000)
        #expect(instant + .seconds(2) == PostgresTimestamp(microseconds: 3_000_000))
        #expect(instant - .milliseconds(1) == PostgresTimestamp(microseconds: 999_000))
        #expect((instant + .seconds(2)) - instant == .seconds(2))
        #expect(PostgresTimestamp.distantPast < instant && instant < .distantFuture)
        #expect(PostgresTimestamp.distantFuture.description == "infinity")
    }
}
