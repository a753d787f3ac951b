internal import Foundation

/// Writes a value as JSON in one pass, as `JSONEncoder` would, in a fraction of the time: that one makes a tree of
/// objects first.
///
/// What can't be written front to back is left to `JSONEncoder`, and so are the types of Foundation.
final class PayloadEncoder {
    /// A container that is open: where its document begins, and whether it has members yet.
    private struct Frame {
        let number: Int
        let start: Int
        let isObject: Bool
        var isEmpty = true
    }

    /// Where a container stands, and which it is.
    struct Place {
        let depth: Int
        let number: Int
    }

    private var bytes: [UInt8] = []
    private var frames: [Frame] = []
    private var count = 0
    private var isGivenUp = false

    private init() {
        bytes.reserveCapacity(256)
    }

    /// The document; nil if `JSONEncoder` is to write it, or to say why it can't be written.
    static func bytes(of value: some Encodable) -> [UInt8]? {
        let encoder = PayloadEncoder()
        // Foundation's errors say more about where it happened.
        guard (try? encoder.write(value, at: 0)) != nil, !encoder.isGivenUp else { return nil }
        // Foundation refuses a document of nothing.
        return encoder.isNothing ? nil : encoder.bytes
    }

    /// Whether the outermost value wrote nothing by itself.
    private var isNothing = false

    // MARK: Containers

    func giveUp() { isGivenUp = true }

    /// Opens a container for the value that begins there, or finds the one it has opened before.
    func open(isObject: Bool, at depth: Int, from start: Int) -> Place {
        if !isGivenUp, depth >= 0, depth < frames.count, frames[depth].start == start,
            frames[depth].isObject == isObject
        {
            return Place(depth: depth, number: frames[depth].number)
        }
        guard !isGivenUp, frames.count == depth, bytes.count == start else {
            giveUp()
            return Place(depth: -1, number: -1)
        }
        count += 1
        bytes.append(UInt8(ascii: isObject ? "{" : "["))
        frames.append(Frame(number: count, start: start, isObject: isObject))
        return Place(depth: depth, number: count)
    }

    private func close(to depth: Int) {
        while frames.count > depth {
            bytes.append(UInt8(ascii: frames.removeLast().isObject ? "}" : "]"))
        }
    }

    /// Goes on to a container's next member, whose value must follow.
    ///
    /// - Returns: false if it is closed, because something that stands after it was written.
    func next(in place: Place, key: String? = nil) -> Bool {
        guard !isGivenUp, place.depth >= 0, place.depth < frames.count,
            frames[place.depth].number == place.number
        else {
            giveUp()
            return false
        }
        close(to: place.depth + 1)
        if frames[place.depth].isEmpty {
            frames[place.depth].isEmpty = false
        } else {
            bytes.append(UInt8(ascii: ","))
        }
        guard let key else { return true }
        string(key)
        bytes.append(UInt8(ascii: ":"))
        return true
    }

    // MARK: Values

    /// The value that comes next, in so many containers.
    func value(at depth: Int) -> Value {
        Value(encoder: self, depth: depth, start: bytes.count)
    }

    /// Whether nothing of a value has been written yet.
    func isUnwritten(_ value: Value) -> Bool {
        guard !isGivenUp, value.start == bytes.count else {
            giveUp()
            return false
        }
        return true
    }

    func write<Content: Encodable>(_ content: Content, at depth: Int) throws {
        guard !isGivenUp else { return }
        let type = Content.self
        guard type != Date.self, type != Data.self, type != URL.self, type != Decimal.self else {
            return giveUp()
        }
        let value = value(at: depth)
        try content.encode(to: value)
        close(to: max(depth, 0))
        if !isGivenUp, bytes.count == value.start {
            isNothing = depth == 0
            bytes.append(contentsOf: "{}".utf8)
        }
    }

    func null() { bytes.append(contentsOf: "null".utf8) }

    func bool(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }

    func integer(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }

    func number(_ value: some BinaryFloatingPoint & CustomStringConvertible) {
        guard value.isFinite else { return giveUp() }
        let text = value.description
        bytes.append(contentsOf: text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...])
    }

    func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            bytes.append(contentsOf: text.utf8)
        } else {
            for byte in text.utf8 { escaped(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func escaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x08: bytes.append(contentsOf: "\\b".utf8)
        case 0x0C: bytes.append(contentsOf: "\\f".utf8)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "\\u00".utf8)
            bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        default: bytes.append(byte)
        }
    }
}
