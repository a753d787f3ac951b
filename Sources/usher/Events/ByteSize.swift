/// A number of bytes as people write it: `500MB`, `10GB`.
enum ByteSize {
    private static let units: [(suffix: String, bytes: Int64)] = [
        ("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40), ("B", 1),
    ]

    /// Reads a whole number with a unit, as Postgres's settings have it; nil when it is none.
    static func bytes(_ text: String) -> Int64? {
        for unit in units where text.hasSuffix(unit.suffix) {
            let digits = text.dropLast(unit.suffix.count)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }),
                let count = Int64(digits)
            else { return nil }
            let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: unit.bytes)
            return isTooMuch || bytes == 0 ? nil : bytes
        }
        return nil
    }
}
