internal import Postgres

/// Instants inside tokens: whole seconds since 1970 in four bytes, which last until 2106.
enum TokenTime {
    static func wholeSecond(_ instant: PostgresTimestamp) -> PostgresTimestamp {
        PostgresTimestamp(microseconds: Int64(seconds(instant)) * 1_000_000)
    }

    static func bytes(_ instant: PostgresTimestamp) -> [UInt8] { seconds(instant).bigEndianBytes }

    static func read(_ reader: inout ByteReader) -> PostgresTimestamp? {
        reader.integer(UInt32.self).map { PostgresTimestamp(microseconds: Int64($0) * 1_000_000) }
    }

    private static func seconds(_ instant: PostgresTimestamp) -> UInt32 {
        UInt32(clamping: instant.microseconds / 1_000_000)
    }
}
