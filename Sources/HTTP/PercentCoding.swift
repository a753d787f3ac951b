/// Percent-encoding of targets.
///
/// Source: RFC 3986 §2.1, and `+` for a space in queries as forms send it.
enum PercentCoding {
    /// Decodes text; `%` must be followed by two hexadecimal digits and the result must be UTF-8.
    static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        guard text.utf8.contains(where: { $0 == ASCII.percent || $0 == ASCII.plus }) else {
            return String(text)
        }
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case ASCII.percent:
                guard let high = rest.next().flatMap(ASCII.hexValue),
                    let low = rest.next().flatMap(ASCII.hexValue)
                else { return nil }
                bytes.append(high << 4 | low)
            case ASCII.plus where plusIsSpace: bytes.append(ASCII.space)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Splits a target in origin or absolute form into its path and its decoded query.
    ///
    /// - Returns: nil when the target is neither, or its query can't be decoded.
    static func split(target: String) -> (path: String, query: [(name: String, value: String)])? {
        var rest = target[...]
        if rest.utf8.first != ASCII.slash {
            // Absolute form. Source: RFC 9112 §3.2.2.
            let lowered = rest.prefix(8).lowercased()
            guard let scheme = ["http://", "https://"].first(where: { lowered.hasPrefix($0) }) else {
                return nil
            }
            rest = rest.dropFirst(scheme.utf8.count)
            rest = rest.drop { $0 != "/" && $0 != "?" }
            if rest.utf8.first != ASCII.slash { rest = "/" + rest }
        }
        guard let mark = rest.utf8.firstIndex(of: ASCII.questionMark) else { return (String(rest), []) }
        var query: [(name: String, value: String)] = []
        for pair in rest[rest.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(parts[0], plusIsSpace: true) else { return nil }
            guard let value = decode(parts.count > 1 ? parts[1] : "", plusIsSpace: true) else { return nil }
            query.append((name, value))
        }
        return (String(rest[..<mark]), query)
    }
}
