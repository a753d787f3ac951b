/// What may stand in a Host field: a name or an address, and a port.
///
/// Source: RFC 9110 §7.2 and RFC 3986 §3.2.2.
enum HostName {
    /// Whether the text is one; an empty one is of a request without an authority.
    static func isValid(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")), end > rest.startIndex + 1 else {
                return false
            }
            guard rest[(rest.startIndex + 1)..<end].allSatisfy(isOfAddress) else { return false }
            rest = rest[(end + 1)...]
        } else {
            let name = rest.prefix { $0 != ASCII.colon }
            guard isName(name) else { return false }
            rest = rest.dropFirst(name.count)
        }
        guard let colon = rest.first else { return true }
        return colon == ASCII.colon && rest.count <= 6 && rest.dropFirst().allSatisfy(ASCII.isDigit)
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == UInt8(ascii: ".")
    }

    /// Unreserved characters, sub-delimiters, and bytes that are percent-encoded.
    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: index += 1
            case let byte where "-._~!$&'()*+,;=".utf8.contains(byte): index += 1
            case ASCII.percent:
                guard index + 2 < bytes.endIndex, ASCII.hexValue(bytes[index + 1]) != nil,
                    ASCII.hexValue(bytes[index + 2]) != nil
                else { return false }
                index += 3
            default: return false
            }
        }
        return true
    }
}
