extension [UInt8] {
    /// Appends an integer, most significant byte first.
    @inline(__always)
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    /// Appends what `body` appends, with its length as an `Int32` in front.
    mutating func appendWithLength(_ body: (inout Self) -> Void) {
        let start = count
        appendBigEndian(Int32(0))
        body(&self)
        let length = UInt32(truncatingIfNeeded: count - start - 4)
        self[start] = UInt8(truncatingIfNeeded: length >> 24)
        self[start + 1] = UInt8(truncatingIfNeeded: length >> 16)
        self[start + 2] = UInt8(truncatingIfNeeded: length >> 8)
        self[start + 3] = UInt8(truncatingIfNeeded: length)
    }
}

extension Span<UInt8> {
    /// The integer at `offset`, most significant byte first.
    ///
    /// The caller has checked that it is all there.
    @inline(__always)
    func bigEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        var number: Number = 0
        for index in 0..<MemoryLayout<Number>.size {
            number = number << 8 | Number(truncatingIfNeeded: self[offset + index])
        }
        return number
    }

    /// The bytes as an array of their own.
    var copied: [UInt8] {
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}
