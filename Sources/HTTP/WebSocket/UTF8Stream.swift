/// Checks bytes for being UTF-8 as they come, so that a fault is found at the first byte that can't be right.
///
/// Source: RFC 3629 §4.
struct UTF8Stream: Sendable {
    /// How many bytes of the current character are still to come.
    private var missing: UInt8 = 0
    /// What the next of them may be; overlong forms, surrogates and what is beyond U+10FFFF show in the second byte.
    private var least: UInt8 = 0x80
    private var most: UInt8 = 0xBF

    /// Whether no character is half there.
    var isComplete: Bool { missing == 0 }

    /// Takes more bytes; false when one of them can't be UTF-8.
    mutating func take(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in bytes {
            if missing > 0 {
                guard byte >= least, byte <= most else { return false }
                (least, most) = (0x80, 0xBF)
                missing -= 1
                continue
            }
            switch byte {
            case 0x00...0x7F: break
            case 0xC2...0xDF: missing = 1
            case 0xE0: (missing, least) = (2, 0xA0)
            case 0xED: (missing, most) = (2, 0x9F)
            case 0xE1...0xEF: missing = 2
            case 0xF0: (missing, least) = (3, 0x90)
            case 0xF1...0xF3: missing = 3
            case 0xF4: (missing, most) = (3, 0x8F)
            default: return false
            }
        }
        return true
    }
}
