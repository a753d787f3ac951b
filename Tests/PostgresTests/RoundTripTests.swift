import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite("Values", .timeLimit(.minutes(5)))
struct RoundTripTests {
    /// Sends a value, its NULL, an array with a NULL and an empty array, and reads them all back.
    private func check<Value: PostgresEncodable & PostgresDecodable & Equatable>(
        _ values: [Value]
    ) async throws {
        try await withEmptyDatabase { database in
            for value in values {
                let row = try #require(try await database.client.first(Query("echo", "SELECT \(value)")))
                #expect(try row[0] == value)
            }
            let none: Value? = nil
            let holes: [Value?] = values + [nil]
            let empty: [Value] = []
            let query = Query("echo.more", "SELECT \(none), \(values), \(holes), \(empty)")
            let row = try #require(try await database.client.first(query))
            #expect(try row[0] == none)
            #expect(try row[1] == values)
            #expect(try row[2] == holes)
            #expect(try row[3] == empty)
            #expect(throws: PostgresError.self) { let _: Value = try row[0] }
            #expect(throws: PostgresError.self) { let _: [Value] = try row[2] }
        }
    }

    @Test func `numbers come back as they were sent`() async throws {
        try await check([Int16.min, -1, 0, 1, .max])
        try await check([Int32.min, -1, 0, 1, .max])
        try await check([Int64.min, -1, 0, 1, .max])
        try await check([Int.min, -1, 0, 1, .max])
        try await check([Float.leastNonzeroMagnitude, -0.5, 0, .greatestFiniteMagnitude, .infinity])
        try await check([Double.leastNonzeroMagnitude, -0.5, 0, .greatestFiniteMagnitude, -.infinity])
    }

    @Test func `truth, text, bytes and ids come back as they were sent`() async throws {
        try await check([true, false])
        try await check(["", "a", "'; drop table x; --", "\\", "\"quoted\"", "ünï 🎫\n\t{,}NULL"])
        try await check(
            [[UInt8]](arrayLiteral: [], [0], [0, 255, 92, 39], Array(repeating: 7, count: 100_000))
        )
        try await check([UUID(), UUID(uuidString: "00000000-0000-0000-0000-000000000000") ?? UUID()])
    }

    @Test func `instants come back to the microsecond`() async throws {
        let values = [0, 1, -1, 1_795_374_000_123_456, -62_135_596_800_000_000].map(
            PostgresTimestamp.init(microseconds:)
        )
        try await check(values + [.distantPast, .distantFuture])
        try await withEmptyDatabase { database in
            let query = Query("instant", "SELECT timestamptz '2026-11-22 19:00:00.5+00'")
            let row = try #require(try await database.client.first(query))
            let instant: PostgresTimestamp = try row[0]
            #expect(instant.description == "2026-11-22T19:00:00.5Z")
        }
    }

    @Test func `json comes back as the server writes it`() async throws {
        try await withEmptyDatabase { database in
            let value = JSONB(text: #"{"a": [1, null, "é"]}"#)
            let holes: [JSONB?] = [value, nil]
            let query = Query("json", "SELECT \(value), \(holes), \(value)::json, \(value) ->> 'a'")
            let row = try #require(try await database.client.first(query))
            #expect(try row[0] == value)
            #expect(try row[1] == holes)
            #expect(try row[2] == value)
            #expect(try row[0] == value.text)
            #expect(try row[3] == #"[1, null, "é"]"#)
        }
    }

    @Test func `numerics agree with the server's own text`() async throws {
        let texts = [
            "0", "1", "-1", "10000", "12345678901234567890123456789", "0.1", "0.0001", "0.00001", "-12.50",
            "1.000",
            "99999999.99999999", "100000000", "0.12345678901234567890", "NaN", "Infinity", "-Infinity",
            "1234.5",
        ]
        try await withEmptyDatabase { database in
            for text in texts {
                let value = try #require(Numeric(text))
                let query = Query("numeric", "SELECT \(value), \(value)::text, \(text)::numeric")
                let row = try #require(try await database.client.first(query))
                #expect(try row[0] == value)
                #expect(try row[1] == text)
                let other: Numeric = try row[2]
                #expect(other.description == text)
            }
            let values = texts.map { Numeric($0) } + [nil]
            let row = try #require(try await database.client.first(Query("numerics", "SELECT \(values)")))
            #expect(try row[0] == values)
        }
        #expect(Numeric("007.50")?.description == "7.50")
        #expect(Numeric("-0")?.description == "0")
        for text in ["", "-", ".", "1.2.3", "1e5", "abc", " 1", "٣"] { #expect(Numeric(text) == nil) }
    }

    @Test func `a column of another type is refused by name`() async throws {
        try await withEmptyDatabase { database in
            let query = Query("mismatch", "SELECT 'x'::text AS word, 70000 AS big, 1.5::numeric AS price")
            let row = try #require(try await database.client.first(query))
            let error = #expect(throws: PostgresError.self) { let _: Int = try row["word"] }
            #expect(error?.description == "mismatch: column word is text, which can't be read as Int")
            #expect(error?.code == .decoding)
            #expect(throws: PostgresError.self) { let _: Int16 = try row["big"] }
            #expect(throws: PostgresError.self) { let _: Double = try row["price"] }
            #expect(throws: PostgresError.self) { let _: Int = try row["none"] }
            #expect(try row["big"] == Int64(70000))
        }
    }

    @Test func `enumerations and wrappers travel as their raw value`() async throws {
        enum Mood: String, PostgresEncodable, PostgresDecodable { case glad, sad }
        struct Seat: RawRepresentable, PostgresEncodable, PostgresDecodable, Equatable { var rawValue: Int64 }
        try await withEmptyDatabase { database in
            try await database.client.execute(
                Query("type", "CREATE TYPE mood AS ENUM ('glad', 'sad', 'odd')")
            )
            let query = Query(
                "raw",
                "SELECT \(Mood.sad)::mood, \([Seat(rawValue: 4), Seat(rawValue: 5)]), 'odd'::mood, \(Mood.glad)"
            )
            let row = try #require(try await database.client.first(query))
            #expect(try row[0] == Mood.sad)
            #expect(try row[0] == "sad")
            #expect(try row[1] == [Seat(rawValue: 4), Seat(rawValue: 5)])
            #expect(throws: PostgresError.self) { let _: Mood = try row[2] }
            #expect(try row[3] == Mood.glad)
        }
    }
}
