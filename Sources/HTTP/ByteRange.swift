/// What a `Range` field asks for.
///
/// Source: RFC 9110 §14.1.2.
enum ByteRange: Equatable {
    /// Everything: the field can't be read, or asks for several parts, for which everything is an answer too.
    case whole
    /// A part that isn't there.
    case none
    case part(Range<Int>)

    init(_ field: String, of length: Int) {
        let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, ASCII.equalIgnoringCase(String(parts[0].trimmed), "bytes"),
            !parts[1].contains(",")
        else {
            self = .whole
            return
        }
        let ends = parts[1].trimmed.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]) else {
            self = .whole
            return
        }
        switch (first, last) {
        case (nil, nil): self = .whole
        case (nil, let count?):
            self = count == 0 || length == 0 ? .none : .part(max(0, length - count)..<length)
        case (let first?, let last):
            if let last, last < first {
                self = .whole
            } else if first >= length {
                self = .none
            } else {
                self = .part(
                    first..<min(length, (last ?? length - 1) == .max ? length : (last ?? length - 1) + 1)
                )
            }
        }
    }

    /// A number, nil for none at all; the outer nil is for something else, and one that is too long is very large.
    private static func number(_ text: Substring) -> Int?? {
        guard text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
        return text.isEmpty ? .some(nil) : .some(Int(text) ?? .max)
    }
}
