/// An endless stream of 32-bit words that whoever has the key can compute again.
///
/// Block `i` is HMAC-SHA256 of the key over `u64(i)`, from 0 on; each block is eight big-endian words.
struct DrawStream {
    private let key: [UInt8]
    private var block: [UInt8] = []
    private var offset = Digest.length
    private var counter: UInt64 = 0

    init(key: [UInt8]) { self.key = key }

    mutating func next() -> UInt32 {
        if offset == Digest.length {
            block = MessageCode.sha256(key: key, counter.bigEndianBytes)
            counter += 1
            offset = 0
        }
        defer { offset += 4 }
        return UInt32(block[offset]) << 24 | UInt32(block[offset + 1]) << 16 | UInt32(block[offset + 2]) << 8
            | UInt32(block[offset + 3])
    }

    /// A number in `0..<bound`, each as likely: words past the last whole multiple of `bound` are thrown away.
    mutating func next(below bound: UInt32) -> UInt32 {
        let excess = UInt32((UInt64(1) << 32) % UInt64(bound))
        while true {
            let word = next()
            if word <= UInt32.max - excess { return word % bound }
        }
    }
}
