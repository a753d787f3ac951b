/// Bytes that are appended at the end and consumed from the front.
///
/// Empty, it owns no memory.
struct ByteBuffer: Sendable {
    /// What was appended, from `start` on not yet consumed.
    private(set) var bytes: [UInt8] = []
    /// Where the unconsumed bytes begin.
    private(set) var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { bytes.count == start }

    mutating func append(_ new: [UInt8]) {
        bytes.append(contentsOf: new)
    }

    mutating func append(_ new: ArraySlice<UInt8>) {
        bytes.append(contentsOf: new)
    }

    /// Appends what `write` adds to the array it is given.
    mutating func append(_ write: (inout [UInt8]) -> Void) {
        write(&bytes)
    }

    mutating func consume(_ count: Int) {
        start += count
        precondition(start <= bytes.count, "consumed more bytes than there are")
        if start == bytes.count {
            bytes = []
            start = 0
        } else if start > 65_536 {
            // A front that is only moved past would keep everything that ever came through.
            bytes.removeSubrange(0..<start)
            start = 0
        }
    }
}
