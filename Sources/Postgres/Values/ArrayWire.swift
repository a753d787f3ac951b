/// The binary form of arrays.
///
/// Dimensions, a flag for NULLs, the element's type; for each dimension its length and lower bound; then the
/// elements, each with its length in front, −1 for NULL. Source: `array_recv` in `arrayfuncs.c`.
enum ArrayWire {
    static func appendHeader(count: Int, of type: PostgresType, hasNulls: Bool, to bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(count == 0 ? 0 : 1))
        bytes.appendBigEndian(Int32(hasNulls ? 1 : 0))
        bytes.appendBigEndian(type.oid)
        guard count > 0 else { return }
        bytes.appendBigEndian(Int32(count))
        bytes.appendBigEndian(Int32(1))
    }

    /// Appends numbers, all of one size: the hot path of batches that are sent as arrays and unnested.
    @inline(__always)
    static func append<Number: FixedWidthInteger>(
        _ numbers: some Sequence<Number>,
        count: Int,
        of type: PostgresType,
        to bytes: inout [UInt8]
    ) {
        let width = MemoryLayout<Number>.size
        bytes.reserveCapacity(bytes.count + 20 + count * (4 + width))
        appendHeader(count: count, of: type, hasNulls: false, to: &bytes)
        for number in numbers {
            bytes.appendBigEndian(Int32(truncatingIfNeeded: width))
            bytes.appendBigEndian(number)
        }
    }

    static func decode<Element: PostgresDecodable>(
        _ bytes: Span<UInt8>,
        as type: PostgresType
    ) throws(DecodingFailure) -> [Element] {
        guard bytes.count >= 12 else { throw .mismatch(type, [Element].self) }
        let dimensions = bytes.bigEndian(Int32.self, at: 0)
        let flags = bytes.bigEndian(Int32.self, at: 4)
        let elementType = PostgresType(oid: bytes.bigEndian(UInt32.self, at: 8))
        guard flags == 0 || flags == 1, dimensions >= 0 else { throw .mismatch(type, [Element].self) }
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { throw DecodingFailure("is an array of \(dimensions) dimensions") }
        guard bytes.count >= 20 else { throw .malformed(type) }
        let count = Int(bytes.bigEndian(Int32.self, at: 12))
        guard count >= 0, count <= (bytes.count - 20) / 4 else { throw .malformed(type) }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            guard offset + 4 <= bytes.count else { throw .malformed(type) }
            let length = Int(bytes.bigEndian(Int32.self, at: offset))
            offset += 4
            if length < 0 {
                elements.append(try Element.decodeNull())
            } else {
                guard length <= bytes.count - offset else { throw .malformed(type) }
                elements.append(
                    try Element.decode(bytes.extracting(offset..<offset + length), as: elementType)
                )
                offset += length
            }
        }
        return elements
    }
}
