/// Takes the data of a `COPY … FROM STDIN`.
///
/// Either bytes in the format that the statement names, or rows, for `WITH (FORMAT binary)`; not both.
public struct CopyWriter: ~Copyable {
    private static let chunk = 64 * 1024
    /// What a binary COPY begins with: a signature, no flags, no extension.
    ///
    /// Source: PostgreSQL 15, "COPY", "File Formats".
    private static let binaryHeader: [UInt8] =
        Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)

    private let connection: PostgresConnection
    private var buffer: [UInt8] = []
    private var hasRows = false

    init(connection: PostgresConnection) {
        self.connection = connection
    }

    /// Adds bytes in the statement's format, such as tab-separated lines.
    ///
    /// - Throws: ``PostgresError`` when the connection is lost or the task is cancelled.
    public mutating func write(_ bytes: some Sequence<UInt8>) async throws {
        buffer.append(contentsOf: bytes)
        try await flushFullChunk()
    }

    /// Adds a row in binary form.
    ///
    /// Each value's type must be exactly its column's.
    ///
    /// - Throws: ``PostgresError`` when the connection is lost or the task is cancelled.
    public mutating func row<each Value: PostgresEncodable>(_ values: repeat each Value) async throws {
        if !hasRows { buffer.append(contentsOf: Self.binaryHeader) }
        hasRows = true
        let start = buffer.count
        buffer.appendBigEndian(Int16(0))
        var columns: Int16 = 0
        for value in repeat each values {
            columns += 1
            if value.isPostgresNull {
                buffer.appendBigEndian(Int32(-1))
            } else {
                buffer.appendWithLength { value.encode(into: &$0) }
            }
        }
        buffer[start] = UInt8(truncatingIfNeeded: columns >> 8)
        buffer[start + 1] = UInt8(truncatingIfNeeded: columns)
        try await flushFullChunk()
    }

    private mutating func flushFullChunk() async throws {
        guard buffer.count >= Self.chunk else { return }
        try await flush()
    }

    private mutating func flush() async throws {
        guard !buffer.isEmpty else { return }
        try await connection.putCopyData(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    mutating func finish() async throws {
        if hasRows { buffer.appendBigEndian(Int16(-1)) }
        try await flush()
    }
}
