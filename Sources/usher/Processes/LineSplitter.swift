/// Cuts a stream of bytes into lines.
///
/// A line that grows too long is cut where it is.
struct LineSplitter {
    /// The most bytes of one line.
    static let limit = 16_384

    private var pending: [UInt8] = []

    /// Takes bytes and gives back the lines they complete, without their newlines.
    mutating func append(_ bytes: ArraySlice<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == 10 {
                lines.append(String(decoding: pending, as: UTF8.self))
                pending.removeAll(keepingCapacity: true)
                continue
            }
            pending.append(byte)
            if pending.count >= Self.limit {
                lines.append(String(decoding: pending, as: UTF8.self))
                pending.removeAll(keepingCapacity: true)
            }
        }
        return lines
    }

    /// What came after the last newline, when the stream has ended.
    mutating func finish() -> String? {
        guard !pending.isEmpty else { return nil }
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }
}
