import Reactor
@testable import Telemetry
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LoggerTests {
    private final class Lines: Sendable {
        let written = Lock<[String]>([])

        func logger(level: LogLevel = .info, format: LogFormat = .plain) -> Logger {
            Logger(label: "test", level: level, format: format) { line in
                self.written.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }

        var withoutTime: [String] { written.withLock { $0.map { String($0.dropFirst(25)) } } }
    }

    @Test func `A record is one line with its time, level, label and fields`() {
        let lines = Lines()
        lines.logger().info("claimed", ["count": 12, "queue": "two words", "empty": ""])
        #expect(lines.withoutTime == ["info test: claimed count=12 queue=\"two words\" empty=\"\"\n"])
        let time = lines.written.withLock { $0[0].prefix(25) }
        #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /#) != nil)
    }

    @Test func `Newlines in a message or a field don't break the line`() {
        let lines = Lines()
        lines.logger().error("first\nsecond", ["detail": "a\nb"])
        #expect(lines.withoutTime == ["error test: first second detail=\"a\\nb\"\n"])
    }

    @Test func `JSON lines escape what JSON asks for`() {
        let lines = Lines()
        lines.logger(format: .json).warning("say \"hi\"\u{1}", ["path": "a\\b"])
        let expected =
            #","level":"warning","label":"test","message":"say \"hi\"\u0001","path":"a\\b"}"# + "\n"
        #expect(lines.written.withLock { $0[0].hasSuffix(expected) })
    }

    @Test func `What is below the level is not even built`() {
        let lines = Lines()
        func costly() -> String {
            Issue.record("built a message nobody reads")
            return ""
        }
        lines.logger(level: .warning).info(costly(), ["field": costly()])
        #expect(lines.withoutTime.isEmpty)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_123_456, "2000-02-29T00:00:00.123Z"),
        (-1000, "1969-12-31T23:59:59.999Z"),
        (1_795_377_576_789_000, "2026-11-22T19:59:36.789Z"),
    ]) func `Instants are RFC 3339 in UTC`(microseconds: Int64, text: String) {
        #expect(LogRecord.rfc3339(microseconds) == text)
    }
}
