/// Names for requests, no two the same in any process, that no request can foresee.
struct RequestIDs {
    private static let letters = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private static let longest = 64

    private var state = UInt64.random(in: .min ... .max)
    private let key = UInt64.random(in: .min ... .max)

    /// The next name: 13 letters, which Swift keeps without allocating.
    mutating func next() -> String {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state ^ key
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return unsafe String(unsafeUninitializedCapacity: 13) { bytes in
            for index in 0..<13 {
                unsafe bytes[index] = Self.letters[Int(value & 31)]
                value >>= 5
            }
            return 13
        }
    }

    /// Whether a proxy's name for a request can be kept.
    static func isKept(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= longest && name.utf8.allSatisfy(ASCII.isToken)
    }
}
